edition 1

model M() {
    input x float32[batch, 4]
    l = [1]
    for i in range(60) {
        l = l + l // ERROR "this list is too large to compile"
    }
    output x * len(l)
}

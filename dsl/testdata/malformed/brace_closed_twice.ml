edition 1
model A() {
    input x float32[batch, 4]
    for i in range(3) {
        x = x + i
    } } // ERROR "ML0003"
    output x
}

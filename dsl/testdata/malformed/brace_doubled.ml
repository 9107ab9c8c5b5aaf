edition 1
model A() {
    input x float32[batch, 4]
    for i in range(3) { { // ERROR "ML0002"
        x = x + i
    }
    output x
}

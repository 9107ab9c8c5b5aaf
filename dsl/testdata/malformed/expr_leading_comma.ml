edition 1
model M() {
    input x float32[batch, 4]
    y = f(, b) // ERROR "ML0019|ML0001"
    output x
}

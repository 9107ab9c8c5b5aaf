edition 1
model M() {
    input x float32[batch, 4]
    y = x[0 // ERROR "ML0002"
    output x
}

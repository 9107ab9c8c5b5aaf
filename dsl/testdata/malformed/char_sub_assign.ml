edition 1
model M() {
    input x float32[batch, 4]
    x -= 1 // ERROR "ML0020"
    output x
}

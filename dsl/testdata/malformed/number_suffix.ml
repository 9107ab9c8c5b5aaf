edition 1
model M() {
    input x float32[batch, 4]
    y = x + 1.5f // ERROR "ML0009.*1.5f"
    output x
}

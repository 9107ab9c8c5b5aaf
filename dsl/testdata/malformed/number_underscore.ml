edition 1
model M() {
    input x float32[batch, 4]
    y = x + 1_000 // ERROR "ML0009.*1_000"
    output x
}

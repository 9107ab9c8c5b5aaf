edition 1
model M() {
    input x float32[batch, 4]
    input y float32[batch,] // ERROR "ML0019"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    input y float32(batch, 4) // ERROR "ML0001"
    output x
}

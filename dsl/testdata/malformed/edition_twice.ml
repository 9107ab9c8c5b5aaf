edition 1
edition 1 // ERROR "ML0001.*again"
model M() {
    input x float32[batch, 4]
    output x
}

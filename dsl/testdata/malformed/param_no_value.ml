edition 1
model M() {
    input x float32[batch, 4]
    param w [4] = // ERROR "ML0019"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    y = x ? 1 : 2 // ERROR "ML0020"
    output x
}

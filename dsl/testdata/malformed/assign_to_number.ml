edition 1
model M() {
    input x float32[batch, 4]
    3 = x // ERROR "ML0001"
    output x
}

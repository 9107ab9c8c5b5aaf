edition 1
model M() {
    input x float32[batch, 4]
    yield a, b // ERROR "ML0001"
    output x
}

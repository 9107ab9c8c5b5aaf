edition 1
model M() {
    input x float32[batch, 4]
    assert a and b // ERROR "ML0020.*and"
    output x
}

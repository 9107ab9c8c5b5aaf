edition 1
model M() {
    input x float32[batch, 4]
    assert not a // ERROR "ML0020.*not"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    assert a or b // ERROR "ML0020.*or"
    output x
}

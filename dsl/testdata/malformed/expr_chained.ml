edition 1
model M() {
    input x float32[batch, 4]
    assert 0 < n < 3 // ERROR "ML0022"
    output x
}

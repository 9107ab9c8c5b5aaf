edition 1
model M() {
    input x float32[batch, 4]
    assert a == b == c // ERROR "ML0022"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    assert true, message // ERROR "ML0001"
    output x
}

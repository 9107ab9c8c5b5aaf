edition 1
model M() {
    input x float32[batch, 4]
    assert true, `ok` // ERROR "ML0020.*double quotes"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    assert true, "never closed // ERROR 'ML0004'
    output x
}

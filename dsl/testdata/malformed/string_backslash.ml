edition 1
model M() {
    input x float32[batch, 4]
    assert true, "a\n" // ERROR "ML0005.*backslash"
    output x
}

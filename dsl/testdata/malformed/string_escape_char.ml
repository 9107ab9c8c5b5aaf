edition 1
model M() {
    input x float32[batch, 4]
    assert true, "ab" // ERROR "ML0005.*0x1b"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    assert true, “ok” // ERROR "ML0005.*U\+201C" "ML0005.*U\+201D"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    y = x // ERROR "ML0005.*U\+00A0"
    output x
}

edition 1 // ERROR "ML0005.*byte order mark"
model M() {
    input x float32[batch, 4]
    output x
}

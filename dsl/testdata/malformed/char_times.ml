edition 1
model M() {
    input x float32[batch, 4]
    y = x × 2 // ERROR "ML0005.*×"
    output x
}

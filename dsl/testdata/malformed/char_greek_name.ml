edition 1
model M() {
    input x float32[batch, 4]
    y = α // ERROR "ML0005.*α"
    output x
}

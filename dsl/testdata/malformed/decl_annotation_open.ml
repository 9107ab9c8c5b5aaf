edition 1
@init(normal(std = 0.02) // ERROR "ML0002|ML0001"
model M() {
    input x float32[batch, 4]
    output x
}

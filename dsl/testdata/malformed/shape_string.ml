edition 1
model M() {
    input x float32[batch, 4]
    param w ["a" -> b] = ones // ERROR "ML0001"
    output x
}

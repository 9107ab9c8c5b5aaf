edition 1
model M() {
    input x float32[batch, 4]
    y = x -> fc(1): linear(2) // ERROR "ML0001"
    output x
}

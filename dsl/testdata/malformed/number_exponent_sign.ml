edition 1
model M() {
    input x float32[batch, 4]
    y = x + 1e+ // ERROR "ML0009"
    output x
}

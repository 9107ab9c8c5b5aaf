edition 1
model M() {
    input x float32[batch, 4]
    return x // ERROR "ML0020.*return"
    output x
}

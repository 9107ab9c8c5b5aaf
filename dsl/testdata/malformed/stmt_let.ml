edition 1
model M() {
    input x float32[batch, 4]
    let y = x // ERROR "ML0020.*let"
    output x
}

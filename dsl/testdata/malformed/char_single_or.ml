edition 1
model M() {
    input x float32[batch, 4]
    y = x | x // ERROR "ML0020.*\|"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    y = f(a: 3) // ERROR "ML0020.*="
    output x
}

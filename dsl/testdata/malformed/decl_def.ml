edition 1
model M() {
    input x float32[batch, 4]
    output x
}
def f(x) = x // ERROR "ML0020.*def"

edition 1

model M() {
    input x float32[batch, 4]
    a = softmax(x, dim = 1) // ERROR "softmax has no argument dim.*did you mean axis"
    b = x -> fc: linear(8, baias = true) // ERROR "linear has no argument baias.*did you mean bias"
    output a, b
}

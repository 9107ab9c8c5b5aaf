edition 1

model M(d = 500, heads = 12) {
    input x float32[batch, d]
    output x -> fc: linear(d / heads) // ERROR "this is 125/3, and a size must be whole"
}

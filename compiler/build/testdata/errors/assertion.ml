edition 1

model M(d = 10, heads = 4) {
    input x float32[batch, d]
    assert d % heads == 0, "d must be divisible by heads" // ERROR "d must be divisible by heads"
    output x
}

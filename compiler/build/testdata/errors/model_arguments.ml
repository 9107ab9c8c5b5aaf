edition 1

model M(n, d = 4) { // ERROR "the argument n of the model M has no default"
    input x float32[batch, d]
    output x
}

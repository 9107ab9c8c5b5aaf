edition 1

model M() {
    input x float32[batch, 2 * n] // ERROR "n is used in arithmetic before it is bound"
    output x
}

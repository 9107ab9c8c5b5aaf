edition 1

model M(n = 9999999999999999999999) {
    input x float32[batch, n] // ERROR "does not fit in 63 bits"
    output x
}

edition 1

model M() {
    input x float32[batch, 4]
    n = pow(pow(10, 100), 100) // ERROR "more than 512 bits"
    output x -> fc: linear(n)
}

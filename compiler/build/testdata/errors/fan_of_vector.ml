edition 1

model M() {
    input x float32[batch, 4]
    param w [4] = kaiming_normal // ERROR "needs a shape of at least 2 dimensions"
    output x * w
}

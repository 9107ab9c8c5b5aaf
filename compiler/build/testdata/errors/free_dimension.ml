edition 1

model M() {
    input x float32[batch, n]
    param w [4] = ones
    output x * w // ERROR "do not broadcast"
}

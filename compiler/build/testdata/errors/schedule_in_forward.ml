edition 1

model M() {
    input x float32[batch, 4]
    output x * step // ERROR "step is the number of an update"
}

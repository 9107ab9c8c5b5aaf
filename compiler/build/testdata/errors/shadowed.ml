edition 1

model M() {
    input x float32[batch, 4]
    mean = x // ERROR "mean is a word of the library"
    output mean
}

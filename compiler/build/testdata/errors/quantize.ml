edition 1

model M() {
    input x float32[batch, 4]
    @quantize(int8) layer fc = linear(3) // ERROR "@quantize has a meaning in the language, but this compiler has no integer kernels"
    output x -> fc
}

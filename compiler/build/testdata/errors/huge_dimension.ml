edition 1

model M() {
    input x float32[batch, 4611686018427387904] // ERROR "which no machine can hold"
    output x
}

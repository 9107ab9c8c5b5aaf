edition 1
model M() {
    input x float32[batch, 4]
    2x = x // ERROR "ML0009.*2x"
    output x
}

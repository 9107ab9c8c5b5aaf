edition 1
// café // ERROR "ML0006.*0xe9"
model M() {
    input x float32[batch, 4]
    output x
}

edition 1
hello world // ERROR "ML0001.*hello"
model M() {
    input x float32[batch, 4]
    output x
}

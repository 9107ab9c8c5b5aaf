edition 1
model M() {
    input x float32[batch, 4]
    y = x + 0x10 // ERROR "ML0009.*0x10"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    y = x + 00 // ERROR "ML0009.*00"
    output x
}

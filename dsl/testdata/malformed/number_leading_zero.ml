edition 1
model M() {
    input x float32[batch, 4]
    y = x + 010 // ERROR "ML0009.*010"
    output x
}

edition 1
width = 4 // ERROR "ML0021"
model M() {
    input x float32[batch, 4]
    output x
}

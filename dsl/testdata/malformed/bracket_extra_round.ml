edition 1
model M() {
    input x float32[batch, 4]
    y = x) // ERROR "ML0003"
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    output x
}
} // ERROR "ML0003"

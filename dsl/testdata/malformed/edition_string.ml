edition "1" // ERROR "ML0001"
model M() {
    input x float32[batch, 4]
    output x
}

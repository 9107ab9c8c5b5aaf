edition 1
model M() {
    input x float32[batch, 4]
    for i of range(3) { // ERROR "ML0001"
    }
    output x
}

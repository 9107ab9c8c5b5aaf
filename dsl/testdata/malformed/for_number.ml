edition 1
model M() {
    input x float32[batch, 4]
    for 3 in x { // ERROR "ML0001"
    }
    output x
}

edition 1
model M() {
    input x float32[batch, 4]
    y = x -> fc:  // ERROR "ML0019.*a layer"
    output x
}

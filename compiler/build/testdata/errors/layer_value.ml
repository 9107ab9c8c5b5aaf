edition 1

model M() {
    input x float32[batch, 4]
    layer fc = linear(4)
    y = fc + 1 // ERROR "fc.* a layer"
    output x -> fc
}

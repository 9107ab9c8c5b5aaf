edition 1

model M() {
    input x float32[batch, 4]
    output x
    entry a {
        output x -> fc: linear(4)
    }
    entry b {
        output x -> fc: linear(4) // ERROR "the label fc is used twice"
    }
}

edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    z = y -> fc: linear(4) // ERROR "the label fc is used twice.*declare it with .layer fc"
    w = x
    for i in range(2) {
        w = w -> h: linear(4) // ERROR "the label h is used twice.*write an index: h.i."
    }
    output z, w
}

edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        freeze fc
        loss mean(y * y)
        optimizer sgd(lr = 0.1) // ERROR "depends on no parameter that this optimizer may change"
    }
}

edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        optimizer sgd(lr = 0.1) // ERROR "stands before the loss"
        loss mean(y * y)
    }
}

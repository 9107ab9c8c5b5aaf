edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(1)
    output y
    train {
        input target float32[batch]
        loss mse_loss(y, target) // ERROR "in target"
        optimizer sgd(lr = 0.1)
    }
}

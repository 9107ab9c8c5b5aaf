edition 1
model A() {
    input x float32[batch, 4]
    y = x -> fc: linear(3)
    train
        input t float32[batch, 3]
        loss mse_loss(y, t)
        optimizer sgd(lr = 0.1)
    } // ERROR "ML0003"
}

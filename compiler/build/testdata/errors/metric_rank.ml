edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        loss mean(y * y)
        metric y // ERROR "a metric is one number, and this is float32.batch, 4."
        optimizer sgd(lr = 0.1)
    }
}

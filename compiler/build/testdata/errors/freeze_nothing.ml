edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        freeze "conv.*" // ERROR "matches no parameter"
        loss mean(y * y)
        optimizer sgd(lr = 0.1)
    }
}

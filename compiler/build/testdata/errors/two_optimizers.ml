edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1)
        optimizer adam(lr = 0.1) on fc // ERROR "two optimizers would change fc.weight"
    }
}

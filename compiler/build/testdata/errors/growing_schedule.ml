edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        s = step
        for i in range(60) {
            s = s * s + 1 // ERROR "this host scalar is too large"
        }
        loss mean(y * y)
        optimizer sgd(lr = s)
    }
}

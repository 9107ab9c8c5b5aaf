edition 1

optimizer heavy(lr = 0.1) {
    input p    [...]
    input grad [...]
    state ema [...] = zeros // ERROR "cannot be called ema"
    update ema = 0.9 * ema + grad
    update p = p - lr * ema
}

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer heavy(lr = 0.1)
    }
}

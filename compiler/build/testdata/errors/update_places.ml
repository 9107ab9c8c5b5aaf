edition 1

model M() {
    input x float32[batch, 4]
    buffer b [4] = zeros
    param w [4] = ones
    y = x * w + b
    output y
    entry e {
        update b = b + 1 // ERROR "b may not be updated here"
        output y
    }
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1)
        update w = w // ERROR "w may not be updated here"
        update b = mean(y, axis = 0)
    }
}

edition 1

model M() {
    input logits float32[batch, 3, 8, 8]
    output logits
    train {
        input mask int32[batch, 8, 8]
        y = logits -> c: conv2d(3, kernel = 1)
        loss cross_entropy(y, mask) // ERROR "axis = 1"
        optimizer sgd(lr = 0.1)
    }
}

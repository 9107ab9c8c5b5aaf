edition 1

// Digits reads a 28x28 picture of a digit.
model Digits(hidden = 128, classes = 10) {
    input image float32[batch, 784]

    logits = image -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer sgd(lr = 0.01, momentum = 0.9)
    }
}

edition 1

// MLP is the classic MNIST classifier: 784 -> 128 -> 10.
model MLP(hidden = 128, classes = 10) {
    input x float32[batch, 784]

    logits = x -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer sgd(lr = 0.01, momentum = 0.9)
    }
}

edition 1

// MLP is the classic MNIST classifier, trained with Adam.
model MLP(hidden = 128, classes = 10) {
    input x float32[batch, 784]

    logits = x -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3)
    }
}

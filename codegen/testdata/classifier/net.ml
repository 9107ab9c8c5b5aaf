edition 1

// Net is a small classifier: 20 -> 12 -> 10.
model Net(hidden = 12, classes = 10) {
    input images float32[batch, 20]

    logits = images -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer sgd(lr = 0.01, momentum = 0.9)
    }
}

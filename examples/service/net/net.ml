edition 1

// Kinds tells four kinds of points apart by eight measurements.
model Kinds(hidden = 32) {
    input x float32[batch, 8]

    logits = x -> fc1: linear(hidden) -> relu -> fc2: linear(4)
    output probabilities = softmax(logits, axis = -1)

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-2, ema = 0.99)
    }
}

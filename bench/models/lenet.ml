edition 1

// LeNet is LeNet-5 with SGD.
model LeNet(classes = 10) {
    input image float32[batch, 1, 28, 28]

    logits = image
        -> conv1: conv2d(6, kernel = 5, padding = 2) -> relu -> max_pool2d(2)
        -> conv2: conv2d(16, kernel = 5)             -> relu -> max_pool2d(2)
        -> flatten
        -> fc1: linear(120) -> relu
        -> fc2: linear(84)  -> relu
        -> fc3: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        optimizer sgd(lr = 0.01, momentum = 0.9)
    }
}

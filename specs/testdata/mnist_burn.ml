edition 1

// MNISTBurn is the network of the burn project's MNIST example, which trains in
// PyTorch: three convolutions without padding and a batch norm of the scores.
model MNISTBurn {
    input image float32[batch, 1, 28, 28]

    logits = (image - 0.1307) / 0.3081
        -> conv1: conv2d(8, kernel = 3) -> relu
        -> conv2: conv2d(16, kernel = 3) -> relu
        -> conv3: conv2d(24, kernel = 3) -> relu
        -> norm1: batch_norm -> flatten
        -> fc1: linear(32) -> relu
        -> fc2: linear(10) -> norm2: batch_norm
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3)
    }
}

edition 1

// BasicBlock is two 3x3 convolutions with a skip connection.
block BasicBlock(channels, stride = 1) {
    input x [n, c, h, w]

    y = x -> conv1: conv2d(channels, kernel = 3, stride = stride, padding = 1, bias = false)
          -> bn1: batch_norm -> relu
          -> conv2: conv2d(channels, kernel = 3, padding = 1, bias = false)
          -> bn2: batch_norm
    skip = x
    if stride != 1 || c != channels {
        skip = x -> downsample.conv: conv2d(channels, kernel = 1, stride = stride, bias = false)
                 -> downsample.bn: batch_norm
    }
    output relu(y + skip)
}

// ResNet20 is the network for CIFAR-10 of He et al. 2015 with projections.
model ResNet20(classes = 10) {
    input image float32[batch, 3, 32, 32]

    x = image -> conv1: conv2d(16, kernel = 3, padding = 1, bias = false) -> bn1: batch_norm -> relu
    widths = [16, 32, 64]
    for i in range(3) {
        for j in range(3) {
            x = x -> stage[i][j]: BasicBlock(widths[i], stride = select(i > 0 && j == 0, 2, 1))
        }
    }
    logits = x -> global_avg_pool2d -> fc: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        optimizer sgd(lr = 0.01, momentum = 0.9)
    }
}

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

// ResNet18 is torchvision's resnet18 (He et al. 2015).
@init(kaiming_normal(mode = "fan_out"))
model ResNet18(classes = 1000, width = 64, size = 224) {
    input image float32[batch, 3, size, size]

    x = image -> conv1: conv2d(width, kernel = 7, stride = 2, padding = 3, bias = false)
              -> bn1: batch_norm -> relu
              -> max_pool2d(3, stride = 2, padding = 1)
    for i in range(4) {
        for j in range(2) {
            x = x -> stage[i][j]: BasicBlock(width * pow(2, i), stride = select(i > 0 && j == 0, 2, 1))
        }
    }
    logits = x -> global_avg_pool2d -> fc: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels, label_smoothing = 0.1)
        metric accuracy(logits, labels)
        metric top5 = accuracy(logits, labels, top = 5)
        optimizer sgd(lr = step_decay(0.1, every = 150000, gamma = 0.1),
                      momentum = 0.9, weight_decay = 1e-4) {
            group bias, norm { weight_decay = 0 }
        }
    }
}

edition 1

block DoubleConv(channels) {
    input x [n, c, h, w]
    output x -> conv1: conv2d(channels, kernel = 3, padding = 1, bias = false) -> bn1: batch_norm -> relu
             -> conv2: conv2d(channels, kernel = 3, padding = 1, bias = false) -> bn2: batch_norm -> relu
}

// UNet segments an image into classes (Ronneberger et al. 2015).
model UNet(base = 64, depth = 4, classes = 2, size = 256) {
    input image float32[batch, 3, size, size]
    assert size % pow(2, depth) == 0, "size must be divisible by 2^depth"

    x = image
    for i in range(depth) {
        skip[i] = x -> down[i]: DoubleConv(base * pow(2, i))
        x = skip[i] -> max_pool2d(2)
    }
    x = x -> mid: DoubleConv(base * pow(2, depth))
    for i in range(depth) {
        level = depth - 1 - i
        x = x -> up[i]: conv_transpose2d(base * pow(2, level), kernel = 2, stride = 2)
        x = concat(skip[level], x, axis = 1) -> dec[i]: DoubleConv(base * pow(2, level))
    }
    logits = x -> head: conv2d(classes, kernel = 1)
    output logits

    train {
        input mask int32[batch, size, size]
        loss cross_entropy(logits, mask, axis = 1) + dice_loss(logits, mask, axis = 1)
        metric iou = mean_iou(logits, mask, axis = 1)
        optimizer adamw(lr = 3e-4, weight_decay = 1e-2) {
            group bias, norm { weight_decay = 0 }
        }
    }
}

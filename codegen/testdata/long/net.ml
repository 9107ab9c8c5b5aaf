edition 1

// Long has sums of many blocks: over the batch and its pixels, along one axis and
// several, in lanes, and in norms of whole tensors.
model Long() {
    input x float32[batch, 3, 24, 24]
    input t float32[batch, 5]

    h = x -> conv1: conv2d(33, kernel = 3, padding = 1) -> bn1: batch_norm -> relu
    h = h -> conv2: conv2d(7, kernel = 3, stride = 2) -> bn2: batch_norm -> relu
    h = h -> flatten -> wide: linear(2100) -> ln: layer_norm -> softmax -> fc: linear(5)
    output h

    train {
        loss mse_loss(h, t) + mean(x * x)
        optimizer adamw(lr = 0.01, clip_norm = 0.5)
    }
}

edition 1

// ResNet8 is MLPerf Tiny's network for CIFAR-10. Layers are numbered as its Keras
// file numbers them; with stride 2, Keras pads below and on the right alone.
model ResNet8 {
    input x float32[batch, 3, 32, 32]

    a = x -> conv0: conv2d(16, kernel = 3, padding = 1) -> bn0: batch_norm(eps = 1e-3) -> relu
    b = a -> conv1: conv2d(16, kernel = 3, padding = 1) -> bn1: batch_norm(eps = 1e-3) -> relu
          -> conv2: conv2d(16, kernel = 3, padding = 1) -> bn2: batch_norm(eps = 1e-3)
    c = relu(a + b)
    d = pad(c, [0, 1, 0, 1]) -> conv3: conv2d(32, kernel = 3, stride = 2) -> bn3: batch_norm(eps = 1e-3) -> relu
          -> conv4: conv2d(32, kernel = 3, padding = 1) -> bn4: batch_norm(eps = 1e-3)
    e = relu(d + (c -> conv5: conv2d(32, kernel = 1, stride = 2)))
    f = pad(e, [0, 1, 0, 1]) -> conv6: conv2d(64, kernel = 3, stride = 2) -> bn5: batch_norm(eps = 1e-3) -> relu
          -> conv7: conv2d(64, kernel = 3, padding = 1) -> bn6: batch_norm(eps = 1e-3)
    g = relu(f + (e -> conv8: conv2d(64, kernel = 1, stride = 2)))
    logits = g -> global_avg_pool2d -> dense: linear(10)
    output softmax(logits, axis = -1)

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3)
    }
}

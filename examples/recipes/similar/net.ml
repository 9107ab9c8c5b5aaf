edition 1

// Similar learns vectors that are near for images of one person and far for
// others, from triples (FaceNet, Schroff et al. 2015).
model Similar(dim = 32, margin = 0.2) {
    input image float32[batch, 1, 28, 28]
    layer net = Embedder(dim)
    output vector = image -> net

    train {
        input same  float32[batch, 1, 28, 28]
        input other float32[batch, 1, 28, 28]
        loss triplet_margin_loss(vector, same -> net, other -> net, margin = margin)
        optimizer adam(lr = 1e-3)
    }
}

block Embedder(dim) {
    input x [batch, c, h, w]
    x = x -> conv1: conv2d(8, kernel = 3, stride = 2, padding = 1) -> relu
          -> conv2: conv2d(16, kernel = 3, stride = 2, padding = 1) -> relu
    output x -> global_avg_pool2d -> flatten -> fc: linear(dim) -> l2_normalize(axis = -1)
}

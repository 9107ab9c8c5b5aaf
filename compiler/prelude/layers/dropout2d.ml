edition 1

// dropout2d zeroes whole channels of [n, c, ...] with probability p while training
// and scales the others by 1 / (1 - p) (Tompson et al. 2015).
//
// Reference: torch.nn.Dropout2d. Keras' SpatialDropout2D, with the channels first.
block dropout2d(p = 0.5) {
    input x [n, c, ...]
    assert p >= 0 && p <= 1, "p is a probability"
    if training && p > 0 {
        mask = [n, c]
        for i in range(rank(x) - 2) {
            mask = mask + [1]
        }
        output where(rand(mask) < p, 0, x * (1 / select(p == 1, 1, 1 - p)))
    } else {
        output x
    }
}

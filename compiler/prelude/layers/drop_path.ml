edition 1

// drop_path zeroes whole samples with probability p while training and scales the
// others by 1 / (1 - p): stochastic depth, for the branch of a residual (Huang et
// al. 2016).
//
// Reference: torchvision.ops.stochastic_depth in mode "row".
block drop_path(p = 0.0) {
    input x [n, ...]
    assert p >= 0 && p <= 1, "p is a probability"
    if training && p > 0 {
        mask = [n]
        for i in range(rank(x) - 1) {
            mask = mask + [1]
        }
        output where(rand(mask) < p, 0, x * (1 / select(p == 1, 1, 1 - p)))
    } else {
        output x
    }
}

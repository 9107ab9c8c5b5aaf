edition 1

// dropout sets elements to 0 with probability p while training and divides the
// others by 1 - p (Srivastava et al. 2014, torch.nn.Dropout). In inference it is
// the identity.
block dropout(p = 0.5) {
    input x [...]
    assert p >= 0 && p < 1, "p of dropout is at least 0 and below 1"
    y = x
    if training && p > 0 {
        y = where(rand_like(x) < p, 0, x * (1 / (1 - p)))
    }
    output y
}

edition 1

// norm is the p-norm over axes, all of them unless given: sum(|x|^p)^(1/p), or the
// largest |x| for p = inf. Its derivative where the norm is 0 is 0.
//
// Reference: torch.linalg.vector_norm.
block norm(p = 2, axis = none, keepdims = false) {
    input x [...]
    assert p > 0, "the order of a norm is above 0"
    if p == inf {
        y = max(abs(x), axis = axis, keepdims = keepdims)
    } else if p == 1 {
        y = sum(abs(x), axis = axis, keepdims = keepdims)
    } else if p == 2 {
        total = sum(x * x, axis = axis, keepdims = keepdims)
        y = where(total > 0, sqrt(where(total > 0, total, 1)), total)
    } else {
        total = sum(pow(abs(x), p), axis = axis, keepdims = keepdims)
        y = where(total > 0, pow(where(total > 0, total, 1), 1 / p), total)
    }
    output y
}

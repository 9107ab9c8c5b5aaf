edition 1

// lamb is Adam whose step for each tensor has the norm of the tensor, for large
// batches (You et al. 2020).
//
// Reference: the paper's algorithm 2 with the identity as its function of the norm;
// Keras' Lamb agrees but for eps = 1e-7.
optimizer lamb(lr = 1e-3, betas = [0.9, 0.999], eps = 1e-6, weight_decay = 0.0) {
    input p    [...]
    input grad [...]
    state m [...] = zeros
    state v [...] = zeros
    update m = flush(lerp(grad, m, betas[0]))
    update v = flush(lerp(grad * grad, v, betas[1]))
    m_hat = m * (1 / (1 - pow(betas[0], step)))
    v_hat = v * (1 / (1 - pow(betas[1], step)))
    direction = m_hat / (sqrt(v_hat) + eps) + weight_decay * p
    have = norm(p)
    want = norm(direction)
    trust = where(have > 0 && want > 0, have / where(want > 0, want, 1), 1)
    update p = p - lr * trust * direction
}

edition 1

// adamax is Adam with the largest magnitude seen, decaying, in place of the root of
// the second moment (Kingma & Ba 2015, section 7).
//
// Reference: torch.optim.Adamax. Keras' rate is 0.001 and its eps 1e-7.
optimizer adamax(lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 0.0, maximize = false) {
    input p    [...]
    input grad [...]
    state m [...] = zeros
    state u [...] = zeros
    g = select(maximize, -grad, grad) + weight_decay * p
    update m = flush(lerp(g, m, betas[0]))
    update u = max(betas[1] * u, abs(g) + eps)
    update p = p - lr / (1 - pow(betas[0], step)) * m / u
}

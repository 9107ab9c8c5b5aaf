edition 1

// adam is Adam (Kingma & Ba 2014, torch.optim.Adam):
//
//   m = betas[0] m + (1 - betas[0]) g,  v = betas[1] v + (1 - betas[1]) g²
//   p = p - lr m̂ / (sqrt(v̂) + eps),  m̂ = m / (1 - betas[0]^step), v̂ likewise
//
// weight_decay adds weight_decay p to the gradient; adamw decouples it. Keras's
// eps is 1e-7.
optimizer adam(lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 0.0, amsgrad = false, maximize = false) {
    input p    [...]
    input grad [...]
    state exp_avg    [...] = zeros
    state exp_avg_sq [...] = zeros
    g = select(maximize, -grad, grad)
    if weight_decay != 0 {
        g = g + weight_decay * p
    }
    update exp_avg = flush(lerp(exp_avg, g, 1 - betas[0]))
    update exp_avg_sq = flush(betas[1] * exp_avg_sq + (1 - betas[1]) * g * g)
    v = exp_avg_sq
    if amsgrad {
        state max_exp_avg_sq [...] = zeros
        update max_exp_avg_sq = max(max_exp_avg_sq, exp_avg_sq)
        v = max_exp_avg_sq
    }
    rate  = lr / (1 - pow(betas[0], step))
    scale = 1 / sqrt(1 - pow(betas[1], step))
    update p = p - rate * (exp_avg / (scale * sqrt(v) + eps))
}

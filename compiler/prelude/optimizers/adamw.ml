edition 1

// adamw is Adam with decoupled weight decay (Loshchilov & Hutter 2019,
// torch.optim.AdamW): p shrinks by lr weight_decay p before Adam's update. Keras's
// defaults are weight_decay 0.004 and eps 1e-7.
optimizer adamw(lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 1e-2, amsgrad = false, maximize = false) {
    input p    [...]
    input grad [...]
    state exp_avg    [...] = zeros
    state exp_avg_sq [...] = zeros
    g = select(maximize, -grad, grad)
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
    update p = (1 - lr * weight_decay) * p - rate * (exp_avg / (scale * sqrt(v) + eps))
}

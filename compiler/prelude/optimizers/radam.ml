edition 1

// radam is Adam whose adaptive rate sets in once its variance can be told, and is
// corrected for it (Liu et al. 2020).
//
// Reference: torch.optim.RAdam. There is no such word in Keras.
optimizer radam(lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 0.0, maximize = false) {
    input p    [...]
    input grad [...]
    state m [...] = zeros
    state v [...] = zeros
    g = select(maximize, -grad, grad) + weight_decay * p
    update m = flush(lerp(g, m, betas[0]))
    update v = flush(lerp(g * g, v, betas[1]))
    decay   = pow(betas[1], step)
    rho_inf = 2 / (1 - betas[1]) - 1
    rho     = rho_inf - 2 * step * decay / (1 - decay)
    ratio   = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    rectify = sqrt(max(ratio, 0) * (1 - decay))
    scale   = where(rho > 5, rectify / (sqrt(v) + eps), 1)
    update p = p - lr / (1 - pow(betas[0], step)) * m * scale
}

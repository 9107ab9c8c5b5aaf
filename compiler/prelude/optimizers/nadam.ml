edition 1

// nadam is Adam with Nesterov momentum (Dozat 2016). The momentum of step t is
// betas[0] (1 - 0.5 * 0.96^(t momentum_decay)).
//
// Reference: torch.optim.NAdam. Before version 2 PyTorch had the last momentum twice
// in the product of the next step; torch_1 repeats that. Keras' rate is 0.001 and
// its eps 1e-7.
optimizer nadam(lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 0.0, momentum_decay = 4e-3, maximize = false, torch_1 = false) {
    input p    [...]
    input grad [...]
    state m [...] = zeros
    state v [...] = zeros
    state mu_product [] = ones
    g = select(maximize, -grad, grad) + weight_decay * p
    mu   = betas[0] * (1 - 0.5 * pow(0.96, step * momentum_decay))
    next = betas[0] * (1 - 0.5 * pow(0.96, (step + 1) * momentum_decay))
    update mu_product = flush(mu_product * mu)
    update m = flush(lerp(g, m, betas[0]))
    update v = flush(lerp(g * g, v, betas[1]))
    next_product = mu_product * next * select(torch_1, mu, 1)
    direction = (1 - mu) / (1 - mu_product) * g + next / (1 - next_product) * m
    update p = p - lr * direction / (sqrt(v * (1 / (1 - pow(betas[1], step)))) + eps)
}

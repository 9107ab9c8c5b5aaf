edition 1

// poisson_nll_loss is the negative log likelihood of counts: exp(x) - target * x,
// or x - target * log(x + eps) where x is the rate itself. full adds Stirling's
// approximation of log(target!) for targets above 1.
//
// Reference: torch.nn.functional.poisson_nll_loss. Keras' Poisson takes the rate.
block poisson_nll_loss(log_input = true, full = false, eps = 1e-8, reduction = "mean") {
    input x      [...]
    input target [...]
    y = select(log_input, exp(x) - target * x, x - target * log(x + eps))
    if full {
        t = where(target > 1, target, 1)
        y = y + where(target > 1, t * log(t) - t + 0.5 * log(6.283185307179586 * t), 0)
    }
    output reduce_loss(y, reduction)
}

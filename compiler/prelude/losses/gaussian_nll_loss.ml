edition 1

// gaussian_nll_loss is the negative log likelihood of a normal distribution:
// 0.5 (log(v) + (x - target)^2 / v), where v is the variance, at least eps, given for
// each value or, with a last axis of one, for each row. full adds 0.5 log(2 pi).
//
// Reference: torch.nn.functional.gaussian_nll_loss; as there, the derivative by the
// variance does not see the bound.
block gaussian_nll_loss(full = false, eps = 1e-6, reduction = "mean") {
    input x      [..., d]
    input target [..., d]
    input var    [..., n]
    v = var + stop_gradient(max(var, eps) - var)
    y = 0.5 * (log(v) + pow(x - target, 2) / v)
    output reduce_loss(select(full, y + 0.9189385332046727, y), reduction)
}

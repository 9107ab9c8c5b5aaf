edition 1

// smooth_l1_loss is d² / (2 beta) for |d| < beta and |d| - beta/2 beyond, where d
// is x - target (torch.nn.functional.smooth_l1_loss).
block smooth_l1_loss(beta = 1.0, reduction = "mean") {
    input x      [...]
    input target [...]
    d = abs(x - target)
    output reduce_loss(select(beta == 0, d, where(d < beta, 0.5 / max(beta, 1e-30) * d * d, d - 0.5 * beta)), reduction)
}

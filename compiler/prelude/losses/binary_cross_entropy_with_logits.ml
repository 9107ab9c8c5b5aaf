edition 1

// binary_cross_entropy_with_logits is binary_cross_entropy of sigmoid(x),
// computed without overflow (torch.nn.functional.binary_cross_entropy_with_logits).
// pos_weight multiplies the loss of positive targets.
block binary_cross_entropy_with_logits(weight = none, pos_weight = none, reduction = "mean") {
    input x      [...]
    input target [...]
    // softplus(-x) = max(-x, 0) + log(1 + exp(-|x|))
    soft = log1p(exp(-abs(x)))
    loss = max(x, 0) - x * target + soft
    if pos_weight != none {
        loss = (1 - target) * x + (1 + (pos_weight - 1) * target) * (soft + max(-x, 0))
    }
    output reduce_loss(select(weight == none, loss, loss * weight), reduction)
}

edition 1

// binary_cross_entropy is -(t log x + (1 - t) log(1 - x)) of probabilities x;
// logarithms are at least -100, and where x (1 - x) is below 1e-12 the derivative is
// (x - t) / 1e-12.
//
// Reference: torch.nn.functional.binary_cross_entropy. Keras limits the probabilities
// to [1e-7, 1 - 1e-7] instead.
block binary_cross_entropy(weight = none, reduction = "mean") {
    input x      [...]
    input target [...]
    inside = x * (1 - x) >= 1e-12
    p      = where(inside, x, 0.5)
    edge   = stop_gradient(x)
    bound  = -(target * max(log(edge), -100) + (1 - target) * max(log1p(-edge), -100))
    loss   = where(inside, -(target * log(p) + (1 - target) * log1p(-p)), bound + (x - edge) * (edge - target) * 1e12)
    output reduce_loss(select(weight == none, loss, loss * weight), reduction)
}

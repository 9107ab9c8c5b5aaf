edition 1

// binary_cross_entropy is -(t log x + (1 - t) log(1 - x)) of probabilities x;
// logarithms are at least -100 (torch.nn.functional.binary_cross_entropy).
// Keras limits the probabilities to [1e-7, 1 - 1e-7] instead.
block binary_cross_entropy(weight = none, reduction = "mean") {
    input x      [...]
    input target [...]
    loss = -(target * max(log(x), -100) + (1 - target) * max(log1p(-x), -100))
    output reduce_loss(select(weight == none, loss, loss * weight), reduction)
}

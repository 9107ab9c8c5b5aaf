edition 1

// reduce_loss applies a loss's reduction to its values: "mean", "sum", or "none",
// which keeps one value for each.
//
// Reference: the argument reduction of PyTorch's losses. Keras divides by the
// number of samples where PyTorch divides by the number of values.
block reduce_loss(reduction = "mean") {
    input x [...]
    assert reduction == "mean" || reduction == "sum" || reduction == "none", "a reduction is mean, sum or none"
    output select(reduction == "mean", mean(x), select(reduction == "sum", sum(x), x))
}

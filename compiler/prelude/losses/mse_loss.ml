edition 1

// mse_loss is the mean of (x - target)² (torch.nn.functional.mse_loss). The
// shapes must be equal: a broadcast here is nearly always a slip.
block mse_loss(reduction = "mean") {
    input x      [...]
    input target [...]
    d = x - target
    output reduce_loss(d * d, reduction)
}

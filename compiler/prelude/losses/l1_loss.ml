edition 1

// l1_loss is the mean of |x - target| (torch.nn.functional.l1_loss).
block l1_loss(reduction = "mean") {
    input x      [...]
    input target [...]
    output reduce_loss(abs(x - target), reduction)
}

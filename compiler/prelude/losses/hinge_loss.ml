edition 1

// hinge_loss is max(0, margin - target * x) for targets -1 and 1, as in support
// vector machines.
//
// Keras' Hinge, which also takes targets 0 and 1. PyTorch has MultiMarginLoss, the
// form for several classes.
func hinge_loss(x, target, margin = 1.0, reduction = "mean") = reduce_loss(max(0, margin - target * x), reduction)

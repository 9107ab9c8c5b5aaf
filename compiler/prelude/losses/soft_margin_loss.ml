edition 1

// soft_margin_loss is log(1 + exp(-target * x)) for targets -1 and 1.
//
// Reference: torch.nn.functional.soft_margin_loss; this form does not overflow.
func soft_margin_loss(x, target, reduction = "mean") = reduce_loss(-log_sigmoid(target * x), reduction)

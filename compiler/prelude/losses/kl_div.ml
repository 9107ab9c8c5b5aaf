edition 1

// kl_div is the divergence of a target distribution from the one whose logarithm is
// given: target * (log(target) - x), 0 where the target is 0. With log_target the
// target is a logarithm too.
//
// Reference: torch.nn.functional.kl_div. "mean" divides by the number of values,
// "batchmean" by the first axis, which is the divergence's own meaning.
func kl_div(x, target, log_target = false, reduction = "mean") = batch_mean(select(log_target, exp(target) * (target - x), divergence(x, target)), reduction)

func divergence(x, target) = where(target > 0, target * (log(where(target > 0, target, 1)) - x), 0)

func batch_mean(y, reduction) = select(reduction == "batchmean", sum(y) / shape(y)[0], reduce_loss(y, reduction))

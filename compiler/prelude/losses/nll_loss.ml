edition 1

// nll_loss is the negative log likelihood: -weight[t] * log_probs at the target
// class t. "mean" divides by the sum of the weights that count.
//
// Reference: torch.nn.functional.nll_loss, whose class axis is 1; here it is the
// last unless given. Targets equal to ignore_index do not count.
func nll_loss(log_probs, target, axis = -1, weight = none, ignore_index = -100, reduction = "mean") = picked(log_probs, target, axis, weight, ignore_index, reduction)

block picked(log_probs, target, axis, weight, ignore_index, reduction) {
    counts = target != ignore_index
    class  = where(counts, target, 0)
    share  = cast(counts, dtype(log_probs))
    if weight != none {
        share = where(counts, index_select(weight, class), 0)
    }
    loss_ = -share * gather(log_probs, class, axis = axis)
    if reduction == "mean" {
        output sum(loss_) / sum(share)
    } else {
        output reduce_loss(loss_, reduction)
    }
}

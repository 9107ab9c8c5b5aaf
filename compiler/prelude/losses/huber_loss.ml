edition 1

// huber_loss is 0.5 d^2 where |d| < delta and delta (|d| - 0.5 delta) elsewhere,
// with d = x - target (Huber 1964).
//
// Reference: torch.nn.functional.huber_loss.
func huber_loss(x, target, delta = 1.0, reduction = "mean") = reduce_loss(huber(x - target, delta), reduction)

func huber(d, delta) = where(abs(d) < delta, 0.5 * d * d, delta * (abs(d) - 0.5 * delta))

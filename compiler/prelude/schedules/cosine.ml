edition 1

// cosine lowers the rate from lr to end along half a cosine over steps and stays
// there (Loshchilov & Hutter 2016). The first warmup of the steps rise linearly to
// lr. With periodic it goes on along the cosine, as
// torch.optim.lr_scheduler.CosineAnnealingLR does.
func cosine(lr, steps, warmup = 0, end = 0.0, periodic = false) = select(
    warmup == 0,
    cosine_from(lr, steps, step - 1, end, periodic),
    where(step <= warmup, lr * step / max(warmup, 1), cosine_from(lr, steps - warmup, step - warmup, end, periodic)))

func cosine_from(lr, steps, t, end, periodic) = end + (lr - end) * 0.5 * (
    1 + cos(3.141592653589793 * select(periodic, t, min(t, steps)) / steps))

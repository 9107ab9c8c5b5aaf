edition 1

// warmup raises a rate linearly from start times it to all of it over the first
// steps (torch.optim.lr_scheduler.LinearLR). The rate may itself be a schedule.
func warmup(lr, steps, start = 0.0) = lr * (start + (1 - start) * min(1, (step - 1) / steps))

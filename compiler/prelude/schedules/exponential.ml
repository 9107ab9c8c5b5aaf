edition 1

// exponential multiplies the rate by gamma after every update:
// lr * gamma^(step - 1).
//
// Reference: torch.optim.lr_scheduler.ExponentialLR. Keras' ExponentialDecay reaches
// the factor after decay_steps.
func exponential(lr, gamma) = lr * pow(gamma, step - 1)

edition 1

// linear_decay changes the rate on a line from start * lr to end * lr in steps
// updates and then keeps it.
//
// Reference: torch.optim.lr_scheduler.LinearLR, whose factors are 1/3 and 1 unless
// given. Keras' PolynomialDecay with power 1.
func linear_decay(lr, steps, start = 1.0, end = 0.0) = lr * (start + (end - start) * min(step - 1, steps) / steps)

edition 1

// step_decay multiplies the rate by gamma every so many steps
// (torch.optim.lr_scheduler.StepLR).
func step_decay(lr, every, gamma = 0.1) = lr * pow(gamma, floor_divide(step - 1, every))

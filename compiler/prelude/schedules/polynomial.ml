edition 1

// polynomial lowers the rate from lr to end in steps updates:
// end + (lr - end) * (1 - (step - 1) / steps)^power.
//
// Reference: torch.optim.lr_scheduler.PolynomialLR, where end is 0. Keras'
// PolynomialDecay ends at 0.0001 unless given.
func polynomial(lr, steps, power = 1.0, end = 0.0) = end + (lr - end) * pow(1 - min(step - 1, steps) / steps, power)

edition 1

// flush replaces numbers whose absolute value is below 2^-119, some 1.5e-36, by zero.
//
// Optimizers keep their moving averages so: an average that only decays would end
// among the subnormal numbers, where rounding holds it for ever and many
// processors need a hundred cycles an operation. Compare torch.set_flush_denormal,
// which acts on every operation.
func flush(x) = where(abs(x) < 1.504632769052528e-36, 0, x)

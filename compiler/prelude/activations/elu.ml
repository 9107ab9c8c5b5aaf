edition 1

// elu is the exponential linear unit: x where x > 0, alpha * (exp(x) - 1)
// elsewhere (Clevert et al. 2015).
//
// Reference: torch.nn.functional.elu.
func elu(x, alpha = 1.0) = where(x > 0, x, alpha * expm1(min(0, x)))

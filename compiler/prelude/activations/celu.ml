edition 1

// celu is an elu whose derivative is continuous for every alpha: x where x > 0,
// alpha * (exp(x / alpha) - 1) elsewhere (Barron 2017).
//
// Reference: torch.nn.functional.celu.
func celu(x, alpha = 1.0) = where(x > 0, x, alpha * expm1(min(0, x) / alpha))

edition 1

// softplus is a smooth relu: log(1 + exp(beta * x)) / beta. Where beta * x is above
// threshold it is x, from which it differs by less than a rounding.
//
// Reference: torch.nn.functional.softplus. Keras has beta = 1 and no threshold.
func softplus(x, beta = 1.0, threshold = 20.0) = where(beta * x > threshold, x, log1p(exp(min(threshold, beta * x))) / beta)

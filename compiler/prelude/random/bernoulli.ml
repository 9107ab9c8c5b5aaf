edition 1

// bernoulli draws 1 with probability p and 0 otherwise, elementwise.
//
// Reference: torch.bernoulli. It has no derivative.
func bernoulli(p) = cast(rand(shape(p), dtype = dtype(p)) < p, dtype(p))

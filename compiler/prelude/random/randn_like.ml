edition 1

// randn_like draws from the standard normal distribution in the shape of x.
func randn_like(x) = randn(shape(x), dtype(x))

edition 1

// ones_like is a tensor of ones with the shape and dtype of x.
func ones_like(x) = full(shape(x), 1, dtype(x))

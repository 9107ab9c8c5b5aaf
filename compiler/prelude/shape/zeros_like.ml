edition 1

// zeros_like is a tensor of zeros with the shape and dtype of x.
func zeros_like(x) = full(shape(x), 0, dtype(x))

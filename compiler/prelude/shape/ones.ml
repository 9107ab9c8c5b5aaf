edition 1

// ones is a tensor of ones; without a shape it is the initializer.
func ones(shape, dtype = float32) = full(shape, 1, dtype)

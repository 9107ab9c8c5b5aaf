edition 1

// zeros is a tensor of zeros; without a shape it is the initializer.
func zeros(shape, dtype = float32) = full(shape, 0, dtype)

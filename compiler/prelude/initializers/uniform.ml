edition 1

// uniform draws uniformly from [low, high) (torch.nn.init.uniform_). Keras's
// default range is [-0.05, 0.05].
func uniform(shape, low = 0.0, high = 1.0) = low + (high - low) * rand(shape)

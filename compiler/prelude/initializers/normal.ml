edition 1

// normal draws from the normal distribution (torch.nn.init.normal_). Keras's
// default std is 0.05.
func normal(shape, mean = 0.0, std = 1.0) = mean + std * randn(shape)

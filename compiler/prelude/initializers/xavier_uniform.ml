edition 1

// xavier_uniform draws uniformly from ±gain sqrt(6 / (fan_in + fan_out))
// (Glorot & Bengio 2010, torch.nn.init.xavier_uniform_).
func xavier_uniform(shape, gain = 1.0) = (2 * rand(shape) - 1) * (gain * sqrt(6 / (fan_in(shape) + fan_out(shape))))

edition 1

// xavier_normal draws from the normal distribution with the deviation
// gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010,
// torch.nn.init.xavier_normal_).
func xavier_normal(shape, gain = 1.0) = randn(shape) * (gain * sqrt(2 / (fan_in(shape) + fan_out(shape))))

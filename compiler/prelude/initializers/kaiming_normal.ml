edition 1

// kaiming_normal draws from the normal distribution with the deviation
// gain / sqrt(fan) (He et al. 2015, torch.nn.init.kaiming_normal_). fan is fan_in
// or fan_out. Keras's he_normal is truncated.
func kaiming_normal(shape, a = 0, mode = "fan_in", nonlinearity = "leaky_relu") = randn(shape) * (
    calculate_gain(nonlinearity, a) / sqrt(max(select(mode == "fan_out", fan_out(shape), fan_in(shape)), 1)))

edition 1

// kaiming_uniform draws uniformly from ±gain sqrt(3 / fan) (He et al. 2015,
// torch.nn.init.kaiming_uniform_). fan is fan_in or fan_out; the gain is that of
// leaky_relu with slope a unless nonlinearity says otherwise. Keras's
// he_uniform has the gain sqrt(2).
func kaiming_uniform(shape, a = 0, mode = "fan_in", nonlinearity = "leaky_relu") = (2 * rand(shape) - 1) * (
    calculate_gain(nonlinearity, a) * sqrt(3 / max(select(mode == "fan_out", fan_out(shape), fan_in(shape)), 1)))

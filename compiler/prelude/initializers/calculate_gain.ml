edition 1

// calculate_gain is the factor that keeps the variance through a nonlinearity
// (torch.nn.init.calculate_gain).
func calculate_gain(nonlinearity, a = 0.01) = select(
    nonlinearity == "relu", sqrt(2),
    select(nonlinearity == "leaky_relu", sqrt(2 / (1 + a * a)),
           select(nonlinearity == "tanh", 5 / 3, select(nonlinearity == "selu", 3 / 4, 1))))

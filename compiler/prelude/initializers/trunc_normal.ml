edition 1

// trunc_normal draws from the normal distribution limited to [a, b]
// (torch.nn.init.trunc_normal_): a draw outside is drawn again, up to three
// times, and then limited.
func trunc_normal(shape, mean = 0.0, std = 1.0, a = -2.0, b = 2.0) = clamp(
    inside_or(mean + std * randn(shape), a, b,
              inside_or(mean + std * randn(shape), a, b,
                        inside_or(mean + std * randn(shape), a, b, mean + std * randn(shape)))), a, b)

func inside_or(x, a, b, other) = where(x >= a && x <= b, x, other)

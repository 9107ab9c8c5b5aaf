edition 1

// lecun_normal draws from a normal distribution cut off at two deviations, scaled so
// that the variance is 1 / fan_in (LeCun et al. 1998).
//
// Reference: Keras' LecunNormal. PyTorch has no such word; there it is
// kaiming_normal with nonlinearity = "linear", which does not cut off.
func lecun_normal(shape) = trunc_normal(shape, std = deviation(shape), a = -2 * deviation(shape), b = 2 * deviation(shape))

func deviation(shape) = 1 / (sqrt(fan_in(shape)) * 0.8796256610342398)

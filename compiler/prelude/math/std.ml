edition 1

// std is the square root of the variance; see there for the correction.
func std(x, axis = none, correction = 0, keepdims = false) = sqrt(variance(x, axis = axis, correction = correction, keepdims = keepdims))

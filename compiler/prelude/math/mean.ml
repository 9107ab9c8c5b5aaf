edition 1

// mean is the average over axes, all of them unless given (torch.mean).
func mean(x, axis = none, keepdims = false) = sum(x, axis = axis, keepdims = keepdims) / size(x, axis = axis)

edition 1

// l2_normalize divides by the 2-norm along axis, which is at least eps
// (torch.nn.functional.normalize, whose default axis is 1).
func l2_normalize(x, axis = -1, eps = 1e-12) = x * (1 / max(sqrt(sum(x * x, axis = axis, keepdims = true)), eps))

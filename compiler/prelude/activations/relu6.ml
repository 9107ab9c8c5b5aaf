edition 1

// relu6 is the rectified linear unit cut off at 6: min(max(x, 0), 6).
//
// Reference: torch.nn.functional.relu6. Its derivative is 0 at 0 and at 6; a NaN
// stays.
func relu6(x) = relu(where(x >= 6, 6, x))

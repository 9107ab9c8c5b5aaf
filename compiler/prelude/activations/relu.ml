edition 1

// relu is 0 where x <= 0 and x elsewhere; a NaN stays. Its gradient at 0 is 0.
//
// Reference: torch.nn.functional.relu.
func relu(x) = where(x <= 0, 0, x)

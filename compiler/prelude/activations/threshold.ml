edition 1

// threshold is value where x <= limit, x elsewhere; a NaN stays.
//
// Reference: torch.nn.functional.threshold.
func threshold(x, limit, value) = where(x <= limit, value, x)

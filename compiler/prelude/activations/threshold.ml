edition 1

// threshold is x where x > limit, value elsewhere.
//
// Reference: torch.nn.functional.threshold.
func threshold(x, limit, value) = where(x > limit, x, value)

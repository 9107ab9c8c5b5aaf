edition 1

// hard_tanh cuts x off at min_val and max_val.
//
// Reference: torch.nn.functional.hardtanh. Its derivative at the two ends is 0,
// that of clamp is 1; a NaN stays.
func hard_tanh(x, min_val = -1.0, max_val = 1.0) = cut_below(where(x >= max_val, max_val, x), min_val)

func cut_below(x, least) = where(x <= least, least, x)

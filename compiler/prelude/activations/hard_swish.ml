edition 1

// hard_swish is x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
//
// Reference: torch.nn.functional.hardswish, whose derivative at -3 and 3 is that of
// the middle piece.
func hard_swish(x) = x * clamp(x + 3, 0, 6) * (1 / 6)

edition 1

// softshrink is x - limit above limit, x + limit below -limit, and 0 between them; a
// NaN stays.
//
// Reference: torch.nn.functional.softshrink.
func softshrink(x, limit = 0.5) = where(abs(x) <= limit, 0, x - limit * sign(x))

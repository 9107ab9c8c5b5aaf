edition 1

// hardshrink is x outside [-limit, limit] and 0 within.
//
// Reference: torch.nn.functional.hardshrink.
func hardshrink(x, limit = 0.5) = where(abs(x) <= limit, 0, x)

edition 1

// softsign is x / (1 + |x|).
//
// Reference: torch.nn.functional.softsign.
func softsign(x) = x / (1 + abs(x))

edition 1

// clamp limits x to [min, max]; either may be none.
//
// Reference: torch.clamp. Its derivative is 1 within the limits and on them.
func clamp(x, min = none, max = none) = below(above(x, min), max)

func above(x, limit) = select(limit == none, x, where(x < limit, limit, x))

func below(x, limit) = select(limit == none, x, where(x > limit, limit, x))

edition 1

// lerp interpolates from a to b: (1 - weight) * a + weight * b.
//
// Reference: torch.lerp, which computes a + weight * (b - a). This form keeps its
// precision where weight is near 1, as in moving averages.
func lerp(a, b, weight) = (1 - weight) * a + weight * b

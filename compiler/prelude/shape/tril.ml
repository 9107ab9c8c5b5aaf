edition 1

// tril keeps the lower triangle of the last two axes and writes 0 above it. A
// larger diagonal keeps more: element (i, j) stays where j - i <= diagonal.
//
// Reference: torch.tril.
func tril(x, diagonal = 0) = where(arange(shape(x)[-1]) <= reshape(arange(shape(x)[-2]), [-1, 1]) + diagonal, x, 0)

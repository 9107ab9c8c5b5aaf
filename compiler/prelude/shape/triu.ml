edition 1

// triu keeps the upper triangle of the last two axes and writes 0 below it. A
// larger diagonal keeps less: element (i, j) stays where j - i >= diagonal.
//
// Reference: torch.triu.
func triu(x, diagonal = 0) = where(arange(shape(x)[-1]) >= reshape(arange(shape(x)[-2]), [-1, 1]) + diagonal, x, 0)

edition 1

// embedding looks rows of a table up: y[...] = weight[x[...]].
//
// Reference: torch.nn.Embedding: weight [vocab, dim] starts as normal(0, 1); the row
// padding_idx starts at 0 and gets no gradient. Keras starts at uniform(-0.05, 0.05).
block embedding(vocab, dim, padding_idx = none, init = normal(std = 1)) {
    input x [...]
    if padding_idx == none {
        @role(embedding)
        param weight [vocab, dim] = init
        y = index_select(weight, x)
    } else {
        @role(embedding)
        param weight [vocab, dim] = without_row(padding_idx, init)
        y = index_select(weight, x)
        y = where(reshape(x, shape(x) + [1]) == padding_idx, stop_gradient(y), y)
    }
    output y
}

func without_row(shape, row, init) = where(reshape(arange(shape[0]), [-1, 1]) == row, 0, init(shape))

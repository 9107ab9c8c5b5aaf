edition 1

// masked_mean is the mean over the first elements of an axis of [batch, ...], as
// many as lengths says for each sample; a sample of length 0 gives 0.
block masked_mean(axis = 1) {
    input x       [batch, ...]
    input lengths [batch]
    place = [-1]
    for _ in range(rank(x) - 2) {
        place = place + [1]
    }
    y = move_axis(x, axis, 1)
    position = reshape(arange(shape(y)[1]), [1, -1])
    valid = reshape(position < reshape(cast(lengths, int32), [-1, 1]), shape(y)[0:2] + place[1:])
    total = sum(where(valid, y, 0), axis = 1)
    output total / reshape(cast(max(lengths, 1), dtype(x)), place)
}

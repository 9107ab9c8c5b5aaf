edition 1

// roll shifts x along an axis by that many places; what leaves at the end comes in
// at the start.
//
// Reference: torch.roll, which flattens x unless an axis is given.
block roll(shift, axis = 0) {
    input x [...]
    n = shape(x)[axis]
    last = shift % n
    rest, moved = split(x, [n - last, last], axis = axis)
    output concat(moved, rest, axis = axis)
}

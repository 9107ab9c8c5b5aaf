edition 1

// flatten merges the axes from start_axis to end_axis into one
// (torch.nn.Flatten, whose start is 1 as well).
block flatten(start_axis = 1, end_axis = -1) {
    input x [...]
    s = shape(x)
    last = select(end_axis < 0, end_axis + rank(x), end_axis)
    n = 1
    for i in range(start_axis, last + 1) {
        n = n * s[i]
    }
    output reshape(x, s[0:start_axis] + [n] + s[last + 1:])
}

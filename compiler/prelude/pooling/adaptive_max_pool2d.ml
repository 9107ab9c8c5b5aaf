edition 1

// adaptive_max_pool2d takes largest values over the last two axes so that size
// values (a number, or [height, width]) come out. Output i is of the inputs from
// floor(i n / size) to ceil((i + 1) n / size); windows may overlap.
//
// Reference: torch.nn.functional.adaptive_max_pool2d.
block adaptive_max_pool2d(size) {
    input x [..., height, width]
    out = select(is_list(size), size, [size, size])
    if out[0] == 1 && out[1] == 1 {
        output max(x, axis = [-2, -1], keepdims = true)
    } else {
        y    = reshape(x, shape(x)[0:-2] + [1, height, width])
        rows = max(where(reshape(windows(height, out[0]), [out[0], height, 1]), y, -inf), axis = -2)
        z    = reshape(rows, shape(rows)[0:-1] + [1, width])
        output max(where(windows(width, out[1]), z, -inf), axis = -1)
    }
}

// windows is true [out, n] where a window takes a position.
block windows(n, out) {
    start = reshape(floor_divide(arange(out) * n, out), [-1, 1])
    stop  = reshape(floor_divide((arange(out) + 1) * n + out - 1, out), [-1, 1])
    output arange(n) >= start && arange(n) < stop
}

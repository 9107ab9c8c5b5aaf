edition 1

// adaptive_avg_pool2d takes means over the last two axes so that size values (a
// number, or [height, width]) come out. Output i averages the inputs from
// floor(i n / size) to ceil((i + 1) n / size); windows may overlap.
//
// Reference: torch.nn.functional.adaptive_avg_pool2d.
block adaptive_avg_pool2d(size) {
    input x [..., height, width]
    out = select(is_list(size), size, [size, size])
    if out[0] == 1 && out[1] == 1 {
        output mean(x, axis = [-2, -1], keepdims = true)
    } else {
        y = einsum("...hw,ih->...iw", x, averages(height, out[0], dtype(x)))
        output einsum("...iw,jw->...ij", y, averages(width, out[1], dtype(x)))
    }
}

// averages is the matrix [out, n] of the windows' weights.
block averages(n, out, type) {
    start  = reshape(floor_divide(arange(out) * n, out), [-1, 1])
    stop   = reshape(floor_divide((arange(out) + 1) * n + out - 1, out), [-1, 1])
    inside = arange(n) >= start && arange(n) < stop
    output cast(inside, type) / cast(stop - start, type)
}

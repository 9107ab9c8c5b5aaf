edition 1

// avg_pool2d takes the mean of windows over the last two axes of
// [..., height, width].
//
// Reference: torch.nn.functional.avg_pool2d: the stride is the kernel unless given;
// padding counts as zeros unless count_include_pad is false; a divisor_override divides
// every sum. Keras never counts padding, and has the channels last.
block avg_pool2d(kernel, stride = none, padding = 0, ceil_mode = false, count_include_pad = true, divisor_override = none) {
    input x [..., height, width]
    k = pair(kernel)
    s = select(stride == none, k, pair(stride))
    p = pair(padding)
    total = sum(unfold(x, k, stride = s, padding = p, ceil_mode = ceil_mode), axis = [-2, -1])
    if divisor_override != none {
        output total / divisor_override
    } else if count_include_pad && !ceil_mode {
        output total / (k[0] * k[1])
    } else {
        margin  = select(count_include_pad, p, [0, 0])
        rows    = covered(arange(shape(total)[-2]) * s[0] - p[0], height, k[0], margin[0])
        columns = covered(arange(shape(total)[-1]) * s[1] - p[1], width, k[1], margin[1])
        output total / cast(reshape(rows, [-1, 1]) * columns, dtype(x))
    }
}

func pair(n) = select(is_list(n), n, [n, n])

// covered is how many of a window's positions count, where it starts at start.
func covered(start, n, kernel, margin) = min(start + kernel, n + margin) - max(start, -margin)

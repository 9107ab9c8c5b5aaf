edition 1

// interpolate resizes the axes after the second of [n, c, spatial...] to size, or
// by scale_factor. mode is "nearest", "nearest-exact", "linear" ("bilinear" and
// "trilinear" are the same), "bicubic", or "area" (adaptive averages, two axes).
//
// Reference: torch.nn.functional.interpolate. With align_corners the corner values
// stay in place; without, pixels are squares, and the output's centres are looked
// up. Given a scale_factor, PyTorch uses it for positions, and so does this.
block interpolate(size = none, scale_factor = none, mode = "nearest", align_corners = false) {
    input x [n, c, ...]
    assert size != none || scale_factor != none, "interpolate takes size or scale_factor"
    if mode == "area" {
        output adaptive_avg_pool2d(x, resized(x, size, scale_factor))
    } else {
        y = x
        k = 2
        for to in resized(x, size, scale_factor) {
            scale = select(is_list(scale_factor), element(scale_factor, k - 2), scale_factor)
            y = resample(y, axis = k, to = to, scale = scale, mode = mode, align_corners = align_corners)
            k = k + 1
        }
        output y
    }
}

// resized lists the sizes that come out.
block resized(x, size, scale_factor) {
    out = []
    k = 0
    for n in shape(x)[2:] {
        if size != none {
            out = out + [select(is_list(size), element(size, k), size)]
        } else {
            out = out + [floor(n * select(is_list(scale_factor), element(scale_factor, k), scale_factor))]
        }
        k = k + 1
    }
    output out
}

func element(list, k) = list[k]

// resample resizes one axis to a size; positions follow scale where it is given.
block resample(axis, to, scale, mode, align_corners) {
    input x [...]
    n = shape(x)[axis]
    i = arange(to)
    trailing = [to]
    for k in range(rank(x) - axis - 1) {
        trailing = trailing + [1]
    }
    if mode == "nearest" {
        output index_select(x, select(whole(n, to, scale), floor_divide(i * n, to), cast(floor(cast(i, dtype(x)) * reciprocal(scale)), int32)), axis = axis)
    } else if mode == "nearest-exact" {
        output index_select(x, floor_divide((2 * i + 1) * n, 2 * to), axis = axis)
    } else {
        at = position(cast(i, dtype(x)), n, to, scale, align_corners)
        if mode == "bicubic" {
            base = floor(at)
            t    = reshape(at - base, trailing)
            left = cast(base, int32)
            y = cubic_far(t + 1) * pick(x, left - 1, n, axis) + cubic_near(t) * pick(x, left, n, axis)
            output y + cubic_near(1 - t) * pick(x, left + 1, n, axis) + cubic_far(2 - t) * pick(x, left + 2, n, axis)
        } else {
            assert mode == "linear" || mode == "bilinear" || mode == "trilinear", "the mode is nearest, nearest-exact, linear, bilinear, trilinear, bicubic or area"
            base = floor(max(at, 0))
            t    = reshape(max(at, 0) - base, trailing)
            left = cast(base, int32)
            output (1 - t) * pick(x, left, n, axis) + t * pick(x, left + 1, n, axis)
        }
    }
}

// whole says that the size is the scale's own, so that positions are ratios of sizes.
func whole(n, to, scale) = scale == none || n * select(scale == none, 1, scale) == to

func reciprocal(scale) = 1 / select(scale == none, 1, scale)

func position(i, n, to, scale, align_corners) = select(
    align_corners,
    i * ((n - 1) / max(to - 1, 1)),
    (i + 0.5) * select(scale == none, n / to, reciprocal(scale)) - 0.5)

func pick(x, at, n, axis) = index_select(x, min(max(at, 0), n - 1), axis = axis)

// The cubic convolution with a = -0.75, within 1 and from 1 to 2.
func cubic_near(t) = (1.25 * t - 2.25) * t * t + 1

func cubic_far(t) = ((-0.75 * t + 3.75) * t - 6) * t + 3

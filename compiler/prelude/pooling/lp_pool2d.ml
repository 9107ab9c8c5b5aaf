edition 1

// lp_pool2d takes (sum(x^p))^(1/p) of windows over the last two axes of
// [..., height, width].
//
// Reference: torch.nn.functional.lp_pool2d: the stride is the kernel unless given,
// and the powers are of x, not of |x|. With ceil_mode a window that ends outside counts as
// a whole one with its mean outside, as there.
block lp_pool2d(p, kernel, stride = none, ceil_mode = false) {
    input x [..., height, width]
    k = select(is_list(kernel), kernel, [kernel, kernel])
    total = k[0] * k[1] * avg_pool2d(pow(x, p), k, stride = stride, ceil_mode = ceil_mode)
    output select(p == 1, total, select(p == 2, sqrt(total), pow(total, 1 / p)))
}

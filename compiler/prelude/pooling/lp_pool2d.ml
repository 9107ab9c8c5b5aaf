edition 1

// lp_pool2d takes (sum(x^p))^(1/p) of windows over the last two axes of
// [..., height, width].
//
// Reference: torch.nn.functional.lp_pool2d: the stride is the kernel unless given,
// and the powers are of x, not of |x|.
block lp_pool2d(p, kernel, stride = none, ceil_mode = false) {
    input x [..., height, width]
    k = select(is_list(kernel), kernel, [kernel, kernel])
    total = sum(pow(unfold(x, k, stride = select(stride == none, k, stride), ceil_mode = ceil_mode), p), axis = [-2, -1])
    output select(p == 1, total, select(p == 2, sqrt(total), pow(total, 1 / p)))
}

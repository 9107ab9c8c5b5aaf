edition 1

// max_pool2d takes the largest value of windows over the last two axes of
// [..., height, width].
//
// Reference: torch.nn.functional.max_pool2d: the stride is the kernel unless given;
// padding counts as -inf. Among equal values the first one gets the gradient.
block max_pool2d(kernel, stride = none, padding = 0, dilation = 1, ceil_mode = false) {
    input x [..., height, width]
    k = select(is_list(kernel), kernel, [kernel, kernel])
    step_ = select(stride == none, kernel, stride)
    windows = unfold(x, k, stride = step_, padding = padding, dilation = dilation, value = -inf, ceil_mode = ceil_mode)
    output max(windows, axis = [-2, -1])
}

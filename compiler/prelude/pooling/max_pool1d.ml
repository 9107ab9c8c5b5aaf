edition 1

// max_pool1d takes the largest value of windows over the last axis of [..., length].
//
// Reference: torch.nn.functional.max_pool1d: the stride is the kernel unless given;
// padding counts as -inf.
block max_pool1d(kernel, stride = none, padding = 0, dilation = 1, ceil_mode = false) {
    input x [..., length]
    step_ = select(stride == none, kernel, stride)
    windows = unfold(x, [kernel], stride = step_, padding = padding, dilation = dilation, value = -inf, ceil_mode = ceil_mode)
    output max(windows, axis = -1)
}

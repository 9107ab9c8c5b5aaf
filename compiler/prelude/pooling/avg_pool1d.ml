edition 1

// avg_pool1d takes the mean of windows over the last axis of [..., length].
//
// Reference: torch.nn.functional.avg_pool1d: the stride is the kernel unless given;
// padding counts as zeros unless count_include_pad is false. Keras never counts it.
block avg_pool1d(kernel, stride = none, padding = 0, ceil_mode = false, count_include_pad = true) {
    input x [..., length]
    step_ = select(stride == none, kernel, stride)
    flat  = reshape(x, shape(x)[0:-1] + [1, length])
    y = avg_pool2d(flat, kernel = [1, kernel], stride = [1, step_], padding = [0, padding],
                   ceil_mode = ceil_mode, count_include_pad = count_include_pad)
    output reshape(y, shape(x)[0:-1] + [-1])
}

edition 1

// conv2d is the cross-correlation of x [n, c, height, width] with weight [channels,
// c / groups, kernel...], plus bias.
//
// Reference: torch.nn.Conv2d. Sizes are a number or [height, width]; padding may be "same" for
// stride 1, or "valid"; padding_mode is zeros, reflect, replicate or circular. Weights start as
// kaiming_uniform(a = sqrt(5)), the bias as uniform in +-1 / sqrt(fan_in). Keras
// starts at xavier_uniform and zeros, and has the channels last.
block conv2d(channels, kernel, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, padding_mode = "zeros",
             init = kaiming_uniform(a = sqrt(5))) {
    input x [n, c, height, width]
    k = select(is_list(kernel), kernel, [kernel, kernel])
    param weight [channels, c / groups, k[0], k[1]] = init
    if padding_mode == "zeros" {
        y = convolution(x, weight, stride = stride, padding = padding, dilation = dilation, groups = groups)
    } else {
        p = select(is_list(padding), padding, [padding, padding])
        y = pad(x, [p[1], p[1], p[0], p[0]], mode = padding_mode)
        y = convolution(y, weight, stride = stride, dilation = dilation, groups = groups)
    }
    if bias {
        bound = 1 / sqrt(fan_in(shape(weight)))
        @role(bias)
        param bias [channels] = uniform(-bound, bound)
        y = y + reshape(bias, [channels, 1, 1])
    }
    output y
}

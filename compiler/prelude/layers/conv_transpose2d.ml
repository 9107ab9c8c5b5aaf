edition 1

// conv_transpose2d is the adjoint of conv2d by its input: x [n, c, height, width] with
// weight [c, channels / groups, kernel...], plus bias. A size becomes
// (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.
//
// Reference: torch.nn.ConvTranspose2d. Weights start as kaiming_uniform(a =
// sqrt(5)), the bias as uniform in +-1 / sqrt(fan_in). Keras starts at
// xavier_uniform and zeros, and has the channels last.
block conv_transpose2d(channels, kernel, stride = 1, padding = 0, output_padding = 0, groups = 1, bias = true, dilation = 1, init = kaiming_uniform(a = sqrt(5))) {
    input x [n, c, height, width]
    k = select(is_list(kernel), kernel, [kernel, kernel])
    param weight [c, channels / groups, k[0], k[1]] = init
    y = convolution_transpose(x, weight, stride = stride, padding = padding, dilation = dilation, groups = groups,
                              output_padding = output_padding)
    if bias {
        bound = 1 / sqrt(fan_in(shape(weight)))
        @role(bias)
        param bias [channels] = uniform(-bound, bound)
        y = y + reshape(bias, [channels, 1, 1])
    }
    output y
}

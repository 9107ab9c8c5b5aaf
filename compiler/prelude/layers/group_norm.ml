edition 1

// group_norm normalizes each group of channels of a sample to mean 0 and variance
// 1, then scales and shifts each channel (Wu & He 2018).
//
// Reference: torch.nn.GroupNorm, with the number of groups as its argument. Keras'
// eps is 0.001 and its channels are last.
block group_norm(groups, eps = 1e-5, affine = true) {
    input x [n, c, ...]
    flat = reshape(x, [n, groups, -1])
    centred = flat - mean(flat, axis = -1, keepdims = true)
    y = centred * rsqrt(mean(centred * centred, axis = -1, keepdims = true) + eps)
    if affine {
        @role(norm)
        param weight [c] = ones
        @role(norm, bias)
        param bias [c] = zeros
        y = reshape(y, [n, c, -1]) * reshape(weight, [c, 1]) + reshape(bias, [c, 1])
    }
    output reshape(y, shape(x))
}

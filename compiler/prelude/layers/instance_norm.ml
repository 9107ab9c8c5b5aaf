edition 1

// instance_norm normalizes each channel of a sample to mean 0 and variance 1
// (Ulyanov et al. 2016). affine scales and shifts each channel.
//
// Reference: torch.nn.InstanceNorm2d and its kin, without running statistics.
block instance_norm(eps = 1e-5, affine = false) {
    input x [n, c, ...]
    flat = reshape(x, [n, c, -1])
    centred = flat - mean(flat, axis = -1, keepdims = true)
    y = centred * rsqrt(mean(centred * centred, axis = -1, keepdims = true) + eps)
    if affine {
        @role(norm)
        param weight [c] = ones
        @role(norm, bias)
        param bias [c] = zeros
        y = y * reshape(weight, [c, 1]) + reshape(bias, [c, 1])
    }
    output reshape(y, shape(x))
}

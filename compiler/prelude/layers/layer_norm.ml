edition 1

// layer_norm brings the last axes of each sample to mean 0 and variance 1, then
// scales and shifts (Ba et al. 2016).
//
// Reference: torch.nn.LayerNorm; axes is how many of the last axes are normalized,
// up to three. Without elementwise_affine there is no weight and no bias. Keras's eps is
// 0.001.
block layer_norm(eps = 1e-5, axes = 1, bias = true, elementwise_affine = true) {
    input x [...]
    assert axes >= 1 && axes <= 3 && axes <= rank(x), "layer_norm takes 1 to 3 of the last axes"
    axes_ = range(-axes, 0)
    if !elementwise_affine {
        weight = none
    } else if axes == 1 {
        @role(norm)
        param weight [shape(x)[-1]] = ones
    } else if axes == 2 {
        @role(norm)
        param weight [shape(x)[-2], shape(x)[-1]] = ones
    } else {
        @role(norm)
        param weight [shape(x)[-3], shape(x)[-2], shape(x)[-1]] = ones
    }
    centred = x - mean(x, axis = axes_, keepdims = true)
    y = centred * rsqrt(mean(centred * centred, axis = axes_, keepdims = true) + eps)
    if elementwise_affine {
        y = y * weight
    }
    if bias && elementwise_affine {
        if axes == 1 {
            @role(norm, bias)
            param bias [shape(x)[-1]] = zeros
        } else if axes == 2 {
            @role(norm, bias)
            param bias [shape(x)[-2], shape(x)[-1]] = zeros
        } else {
            @role(norm, bias)
            param bias [shape(x)[-3], shape(x)[-2], shape(x)[-1]] = zeros
        }
        y = y + bias
    }
    output y
}

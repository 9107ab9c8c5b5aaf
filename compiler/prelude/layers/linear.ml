edition 1

// linear is the affine map y = x Wᵀ + b over the last axis.
//
// It agrees with torch.nn.Linear: weight [features, d], initialised by
// kaiming_uniform(a = sqrt(5)); bias uniform in ±1/sqrt(d). weight = other.weight
// ties it to another layer's tensor.
// Keras's Dense stores the transposed kernel and starts it with xavier_uniform
// and a zero bias.
block linear(features, bias = true, weight = none, init = kaiming_uniform(a = sqrt(5))) {
    input x [..., d]
    if weight == none {
        param weight [features, d] = init
    }
    y = einsum("...d,od->...o", x, weight)
    if bias {
        bound = 1 / sqrt(max(d, 1))
        @role(bias) param bias [features] = uniform(-bound, bound)
        y = y + bias
    }
    output y
}

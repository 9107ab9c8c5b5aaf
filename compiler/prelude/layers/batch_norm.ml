edition 1

// batch_norm brings each channel (axis 1) to mean 0 and variance 1, then scales and
// shifts it (Ioffe & Szegedy 2015). While training it uses the batch's statistics
// and moves the running ones towards them; in inference it uses the running ones.
//
// Reference: torch.nn.BatchNorm1d to BatchNorm3d: the running variance is the
// unbiased one, and momentum is the share of the new value. In Keras momentum is the
// share of the old one (0.99), eps is 0.001 and the channels are last.
block batch_norm(momentum = 0.1, eps = 1e-5, affine = true, training = training) {
    input x [n, c, ...]
    if affine {
        @role(norm)
        param weight [c] = ones
        @role(norm, bias)
        param bias [c] = zeros
    }
    buffer running_mean [c] = zeros
    buffer running_var  [c] = ones
    axes_ = [0] + range(2, rank(x))
    spread = [c]
    for _ in range(2, rank(x)) {
        spread = spread + [1]
    }
    if training {
        count = size(x, axis = axes_)
        mu = mean(x, axis = axes_)
        centred = x - reshape(mu, spread)
        var = mean(centred * centred, axis = axes_)
        update running_mean = lerp(running_mean, stop_gradient(mu), momentum)
        update running_var  = lerp(running_var, stop_gradient(var) * (count / (count - 1)), momentum)
    } else {
        centred = x - reshape(running_mean, spread)
        var = running_var
    }
    y = centred * reshape(rsqrt(var + eps), spread)
    if affine {
        y = y * reshape(weight, spread) + reshape(bias, spread)
    }
    output y
}

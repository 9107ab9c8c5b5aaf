edition 1

// gelu_tanh is GELU's tanh approximation, written from primitives.
func gelu_tanh(x) = 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))

// MinGRU is a minimal gated recurrent cell, written with scan.
block MinGRU(hidden) {
    input xs [batch, time, d]
    layer gate = linear(hidden)
    layer cand = linear(hidden)
    ys, last = scan x in xs over time carry h = zeros([batch, hidden]) {
        z = x -> gate -> sigmoid
        h = (1 - z) * h + z * (x -> cand)
        yield h
    }
    output ys, last
}

// BatchNorm1d shows buffers and the training constant.
block BatchNorm1d(momentum = 0.1, eps = 1e-5) {
    input x [n, c]
    param  weight       [c] = ones
    param  bias         [c] = zeros
    buffer running_mean [c] = zeros
    buffer running_var  [c] = ones
    mu  = running_mean
    var = running_var
    if training {
        mu  = mean(x, axis = 0)
        var = variance(x, axis = 0)
        update running_mean = lerp(running_mean, mu, momentum)
        update running_var  = lerp(running_var, var * n / (n - 1), momentum)
    }
    output (x - mu) * rsqrt(var + eps) * weight + bias
}

model Custom(hidden = 32) {
    input x float32[batch, time, 16]
    seq, last = x -> cell: MinGRU(hidden)
    y = gelu_tanh(last) -> norm: BatchNorm1d -> fc: linear(1)
    output y
    entry features {
        output last[..., 0:16]
    }
    train finetune {
        input target float32[batch, 1]
        freeze "cell.*"
        loss mse_loss(y, target)
        optimizer adam(lr = 1e-3 * min(1, step / 1000))   // step counts from 1
    }
}

edition 1

// log_softmax is x - log Σ exp(x) along axis, computed from x - max(x)
// (torch.nn.functional.log_softmax). The default axis is the last one.
block log_softmax(axis = -1) {
    input x [...]
    y = x - stop_gradient(max(x, axis = axis, keepdims = true))
    output y - log(sum(exp(y), axis = axis, keepdims = true))
}

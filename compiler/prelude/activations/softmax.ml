edition 1

// softmax is exp(x) / Σ exp(x) along axis, computed from x - max(x) so that no
// exponential overflows (torch.nn.functional.softmax). The default axis is the
// last one, as in Keras; PyTorch asks for it.
block softmax(axis = -1) {
    input x [...]
    e = exp(x - stop_gradient(max(x, axis = axis, keepdims = true)))
    output e * (1 / sum(e, axis = axis, keepdims = true))
}

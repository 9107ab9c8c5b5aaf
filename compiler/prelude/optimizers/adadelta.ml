edition 1

// adadelta scales the gradient by the ratio of the root mean squares of past steps
// and of gradients (Zeiler 2012).
//
// Reference: torch.optim.Adadelta. Keras' rho is 0.95 and its rate 0.001.
optimizer adadelta(lr = 1.0, rho = 0.9, eps = 1e-6, weight_decay = 0.0, maximize = false) {
    input p    [...]
    input grad [...]
    state v     [...] = zeros
    state delta [...] = zeros
    g = select(maximize, -grad, grad) + weight_decay * p
    update v = flush(lerp(g * g, v, rho))
    change = sqrt(delta + eps) / sqrt(v + eps) * g
    update delta = flush(lerp(change * change, delta, rho))
    update p = p - lr * change
}

edition 1

// rmsprop divides by the root of a decaying mean of squared gradients (Hinton 2012).
// centered takes the squared mean off, which gives the deviation.
//
// Reference: torch.optim.RMSprop. Keras' alpha (rho) is 0.9, its rate 0.001, and
// eps is inside its root.
optimizer rmsprop(lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0.0, momentum = 0.0, centered = false, maximize = false) {
    input p    [...]
    input grad [...]
    state v [...] = zeros
    g = select(maximize, -grad, grad) + weight_decay * p
    update v = flush(lerp(g * g, v, alpha))
    spread = v
    if centered {
        state m [...] = zeros
        update m = flush(lerp(g, m, alpha))
        spread = v - m * m
    }
    direction = g / (sqrt(spread) + eps)
    if momentum != 0 {
        state velocity [...] = zeros
        update velocity = flush(momentum * velocity + direction)
        direction = velocity
    }
    update p = p - lr * direction
}

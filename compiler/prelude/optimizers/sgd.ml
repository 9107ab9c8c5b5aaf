edition 1

// sgd is stochastic gradient descent (torch.optim.SGD), with momentum b:
//
//   g = grad + weight_decay p
//   b = momentum b + (1 - dampening) g, and g in the first step
//   p = p - lr b, with nesterov p - lr (g + momentum b)
//
// Keras's momentum includes the rate: v = momentum v - lr g, p = p + v.
optimizer sgd(lr = 1e-3, momentum = 0.0, dampening = 0.0, weight_decay = 0.0, nesterov = false, maximize = false) {
    input p    [...]
    input grad [...]
    g = select(maximize, -grad, grad)
    if weight_decay != 0 {
        g = g + weight_decay * p
    }
    if momentum != 0 {
        state momentum_buffer [...] = zeros
        b = momentum * momentum_buffer + g
        if dampening != 0 {
            b = where(step == 1, g, momentum * momentum_buffer + (1 - dampening) * g)
        }
        b = flush(b)
        update momentum_buffer = b
        g = select(nesterov, g + momentum * b, b)
    }
    update p = p - lr * g
}

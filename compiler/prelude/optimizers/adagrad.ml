edition 1

// adagrad divides by the root of the sum of all squared gradients (Duchi et al.
// 2011). lr_decay lowers the rate as 1 / (1 + (step - 1) lr_decay).
//
// Reference: torch.optim.Adagrad. Keras' sum starts at 0.1 and its rate is 0.001.
optimizer adagrad(lr = 1e-2, lr_decay = 0.0, weight_decay = 0.0, initial_accumulator_value = 0.0, eps = 1e-10, maximize = false) {
    input p    [...]
    input grad [...]
    state total [...] = initial_accumulator_value
    g = select(maximize, -grad, grad) + weight_decay * p
    update total = total + g * g
    update p = p - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(total) + eps)
}

edition 1

// lion steps by the sign of a mix of momentum and gradient, with decoupled weight
// decay (Chen et al. 2023).
//
// Reference: the paper's algorithm 2; Keras' Lion agrees. Its rate should be a third
// to a tenth of adamw's.
optimizer lion(lr = 1e-4, betas = [0.9, 0.99], weight_decay = 0.0) {
    input p    [...]
    input grad [...]
    state m [...] = zeros
    direction = sign(lerp(grad, m, betas[0]))
    update m = flush(lerp(grad, m, betas[1]))
    update p = p - lr * (direction + weight_decay * p)
}

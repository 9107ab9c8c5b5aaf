edition 1

// lars is momentum whose rate for each tensor is trust * |p| / (|grad| +
// weight_decay |p|), for large batches (You et al. 2017).
//
// Reference: the paper's algorithm 1. There is no such word in PyTorch or Keras.
optimizer lars(lr = 1.0, momentum = 0.9, weight_decay = 0.0, trust = 1e-3, eps = 1e-8) {
    input p    [...]
    input grad [...]
    state velocity [...] = zeros
    have  = norm(p)
    slope = norm(grad)
    rate  = where(have > 0 && slope > 0, trust * have / (slope + weight_decay * have + eps), 1)
    update velocity = flush(momentum * velocity + lr * rate * (grad + weight_decay * p))
    update p = p - velocity
}

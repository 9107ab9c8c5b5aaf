edition 1

// dp_sgd adds the gradients of a lot of samples, each already cut to a norm of at
// most bound, and noise of bound times noise, before it takes a step.
optimizer dp_sgd(lr = 0.1, lot = 64, noise = 1.0, bound = 1.0) {
    input p    [...]
    input grad [...]
    state sum  [...] = zeros

    total = sum + grad
    complete = step % lot == 0
    update sum = where(complete, 0, total)
    update p = where(complete, p - lr * (total + noise * bound * randn_like(total)) / lot, p)
}

// Private trains with differential privacy (DP-SGD, Abadi et al. 2016). Use it
// with --batch 1: then clip_norm cuts the gradient of each single sample, and the
// optimizer adds up a lot of them. The privacy spent follows from lot, noise and
// the number of updates.
model Private(hidden = 32, classes = 10) {
    input x float32[batch, 784]
    output logits = x -> fc1: linear(hidden) -> tanh -> fc2: linear(classes)

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer dp_sgd(lr = 0.5, lot = 64, noise = 0.8, bound = 1.0, clip_norm = 1.0)
    }
}

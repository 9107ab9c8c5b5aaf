edition 1

// adafactor keeps, of the squared gradients of a matrix, only the means of rows and
// columns, and scales its step by the parameter's own size (Shazeer & Stern 2018).
// Of tensors with more axes the last two are the matrix.
//
// Reference: torch.optim.Adafactor: rate min(lr, 1 / sqrt(step)) times the root mean
// square of the parameter, at least eps[1]; updates clipped at d. Keras' Adafactor
// has lr = 0.001 and relative_step.
optimizer adafactor(lr = 1e-2, beta2_decay = -0.8, eps = [1.1920929e-7, 1e-3], d = 1.0, weight_decay = 0.0, maximize = false) {
    input p    [...]
    input grad [...]
    g    = select(maximize, -grad, grad)
    keep = 1 - pow(step, beta2_decay)
    if rank(p) >= 2 {
        rows    = shape(p)[-2]
        columns = shape(p)[-1]
        lead    = size(p) / (rows * columns)
        state row    [lead, rows, 1]    = zeros
        state column [lead, 1, columns] = zeros
        squares = pow(reshape(g, [lead, rows, columns]), 2)
        update row    = lerp(mean(squares, axis = -1, keepdims = true), row, keep)
        update column = lerp(mean(squares, axis = -2, keepdims = true), column, keep)
        v = reshape(row * column / max(mean(row, axis = -2, keepdims = true), eps[0]), shape(p))
    } else {
        state moment [...] = zeros
        update moment = lerp(g * g, moment, keep)
        v = moment
    }
    change = rsqrt(max(v, eps[0] * eps[0])) * g
    rate   = max(eps[1], sqrt(mean(p * p))) * min(lr, 1 / sqrt(step))
    update p = p * (1 - lr * weight_decay) - rate * change / max(1, sqrt(mean(change * change)) / d)
}

edition 1

// muon is momentum whose step for a matrix is made orthogonal by a Newton-Schulz
// iteration (Jordan et al. 2024). It takes matrices only: give embeddings, biases
// and norms to adamw with `on`. A kernel counts as a matrix [out, rest].
//
// Reference: torch.optim.Muon: decoupled weight decay, rate lr sqrt(max(1, rows /
// columns)). There is no such word in Keras.
optimizer muon(lr = 1e-3, weight_decay = 0.1, momentum = 0.95, nesterov = true, coefficients = [3.4445, -4.775, 2.0315], eps = 1e-7, steps = 5) {
    input p    [...]
    input grad [...]
    assert rank(p) >= 2, "muon takes matrices; give the other parameters to another optimizer with `on`"
    state m [...] = zeros
    update m = flush(lerp(grad, m, momentum))
    rows    = shape(p)[0]
    columns = size(p) / rows
    x = reshape(select(nesterov, lerp(grad, m, momentum), m), [rows, columns])
    x = select(rows > columns, transpose(x), x)
    x = x / max(norm(x), eps)
    for i in range(steps) {
        a = einsum("ik,jk->ij", x, x)
        x = coefficients[0] * x + matmul(coefficients[1] * a + coefficients[2] * matmul(a, a), x)
    }
    x = select(rows > columns, transpose(x), x)
    update p = p * (1 - lr * weight_decay) - lr * sqrt(max(1, rows / columns)) * reshape(x, shape(p))
}

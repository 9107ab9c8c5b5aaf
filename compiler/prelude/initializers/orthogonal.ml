edition 1

// orthogonal gives a matrix with orthonormal rows or columns, whichever are
// fewer, times gain (Saxe et al. 2013, torch.nn.init.orthogonal_). A tensor of
// more axes is a matrix of its first axis by the rest.
//
// The polar factor of a normal random matrix is uniformly distributed over the
// orthogonal ones; Newton's iteration X <- (3 X - X Xᵀ X) / 2 converges to it.
func orthogonal(shape, gain = 1.0) = gain * reshape(polar(flatten(randn(shape))), shape)

block polar() {
    input x [rows, cols]
    wide = select(rows > cols, transpose(x), x)
    _, q = scan i in arange(48) over 0 carry q = wide / sqrt(sum(wide * wide)) {
        q = 1.5 * q - 0.5 * matmul(matmul(q, transpose(q)), q)
        yield i
    }
    output select(rows > cols, transpose(q), q)
}

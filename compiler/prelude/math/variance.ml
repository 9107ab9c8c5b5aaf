edition 1

// variance is the mean squared distance from the mean over axes; the divisor is
// the count less correction. As in NumPy and Keras the correction is 0;
// torch.var's default is 1.
block variance(axis = none, correction = 0, keepdims = false) {
    input x [...]
    d = x - mean(x, axis = axis, keepdims = true)
    output sum(d * d, axis = axis, keepdims = keepdims) / (size(x, axis = axis) - correction)
}

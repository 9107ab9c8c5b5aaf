edition 1

// noam rises on a line for warmup updates and then falls as 1 / sqrt(step):
// factor * dim^-0.5 * min(step^-0.5, step * warmup^-1.5) (Vaswani et al. 2017).
//
// There is no such word in PyTorch or Keras.
func noam(dim, warmup = 4000, factor = 1.0) = factor / sqrt(dim) * min(1 / sqrt(step), step / (warmup * sqrt(warmup)))

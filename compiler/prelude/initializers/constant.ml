edition 1

// constant fills a tensor with one value (torch.nn.init.constant_).
func constant(shape, value) = full(shape, value)

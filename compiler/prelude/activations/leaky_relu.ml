edition 1

// leaky_relu is x above 0 and negative_slope x below
// (torch.nn.functional.leaky_relu). Keras's default slope is 0.3.
func leaky_relu(x, negative_slope = 0.01) = where(x > 0, x, negative_slope * x)

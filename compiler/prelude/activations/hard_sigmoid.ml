edition 1

// hard_sigmoid is a sigmoid of straight lines: min(max(x + 3, 0), 6) / 6.
//
// Reference: torch.nn.functional.hardsigmoid. Keras 2 had min(max(0.2 x + 0.5, 0), 1).
func hard_sigmoid(x) = relu6(x + 3) * (1 / 6)

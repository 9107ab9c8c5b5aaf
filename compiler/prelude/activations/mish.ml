edition 1

// mish is x * tanh(softplus(x)) (Misra 2019).
//
// Reference: torch.nn.functional.mish.
func mish(x) = x * tanh(softplus(x))

edition 1

// tanhshrink is x - tanh(x).
//
// Reference: torch.nn.functional.tanhshrink.
func tanhshrink(x) = x - tanh(x)

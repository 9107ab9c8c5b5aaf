edition 1

// gelu is x Φ(x) with the normal distribution function Φ, or its tanh
// approximation x/2 (1 + tanh(u)) (torch.nn.functional.gelu, Hendrycks & Gimpel
// 2016). As in PyTorch the exact form is the default.
//
// (1 + tanh(u)) / 2 is sigmoid(2u), which keeps its precision where it is small.
func gelu(x, approximate = "none") = select(
    approximate == "tanh",
    x * sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x)),
    gelu_erf(x))

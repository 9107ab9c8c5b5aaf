edition 1

// gelu is x Φ(x) with the normal distribution function Φ, or its tanh
// approximation (torch.nn.functional.gelu, Hendrycks & Gimpel 2016). As in
// PyTorch the exact form is the default.
func gelu(x, approximate = "none") = select(
    approximate == "tanh",
    0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
    gelu_erf(x))

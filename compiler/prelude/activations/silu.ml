edition 1

// silu is x sigmoid(x), also called swish (torch.nn.functional.silu).
func silu(x) = x * sigmoid(x)

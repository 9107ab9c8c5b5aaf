edition 1

// glu is the gated linear unit: a * sigmoid(b), where a and b are the halves of x
// along an axis (Dauphin et al. 2016).
//
// Reference: torch.nn.functional.glu.
block glu(axis = -1) {
    input x [...]
    a, b = split(x, 2, axis = axis)
    output a * sigmoid(b)
}

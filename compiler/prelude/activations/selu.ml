edition 1

// selu is elu with alpha = 1.6733, scaled by 1.0507, the constants for which
// activations keep mean 0 and variance 1 (Klambauer et al. 2017).
//
// Reference: torch.nn.functional.selu. Meant for weights that start as lecun_normal.
func selu(x) = 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)

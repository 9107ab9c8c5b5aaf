edition 1

// rms_norm divides by the root mean square over the last axis:
// x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019).
//
// Reference: torch.nn.RMSNorm, whose eps is the dtype's smallest step unless given.
// A weight may be given to share another layer's.
block rms_norm(eps = 1e-5, weight = none) {
    input x [..., d]
    if weight == none {
        @role(norm)
        param weight [d] = ones
    }
    output x * rsqrt(mean(x * x, axis = -1, keepdims = true) + eps) * weight
}

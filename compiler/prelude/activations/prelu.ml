edition 1

// prelu is leaky_relu with a learned slope: x where x > 0, weight * x elsewhere
// (He et al. 2015).
//
// Reference: torch.nn.PReLU, whose argument is num_parameters: 1 slope for all, or
// one for each channel (axis 1). The slopes start at 0.25. Keras has one slope for
// each element of a sample unless shared_axes is given, and starts at 0.
block prelu(num_parameters = 1, init = 0.25) {
    input x [...]
    param weight [num_parameters] = init
    slope = weight
    if num_parameters > 1 {
        assert num_parameters == shape(x)[1], "prelu has one slope, or one for each channel"
        trailing = [num_parameters]
        for i in range(rank(x) - 2) {
            trailing = trailing + [1]
        }
        slope = reshape(weight, trailing)
    }
    output where(x > 0, x, slope * x)
}

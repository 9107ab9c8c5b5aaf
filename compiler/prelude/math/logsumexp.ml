edition 1

// logsumexp is log(sum(exp(x))) over axes, all of them unless given. The largest
// value is taken out first, so that nothing overflows.
//
// Reference: torch.logsumexp. Of elements that are all -inf it is -inf.
block logsumexp(axis = none, keepdims = false) {
    input x [...]
    total = sum(exp(x - peak(x, axis, true)), axis = axis, keepdims = keepdims)
    output log(total) + peak(x, axis, keepdims)
}

func peak(x, axis, keepdims) = finite(stop_gradient(max(x, axis = axis, keepdims = keepdims)))

func finite(x) = where(abs(x) == inf, 0, x)

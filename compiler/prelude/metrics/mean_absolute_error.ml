edition 1

// mean_absolute_error is the mean of |x - target| over all values of an epoch.
//
// Reference: torchmetrics.MeanAbsoluteError.
metric mean_absolute_error {
    input x      [...]
    input target [...]
    state total [] = zeros
    state count [] = zeros
    update total = total + sum(abs(x - target))
    update count = count + size(x)
    output total / max(count, 1)
}

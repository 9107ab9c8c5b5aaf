edition 1

// r2 is the coefficient of determination of an epoch: 1 minus the sum of squared
// errors over the sum of squared deviations of the targets from their mean.
//
// Reference: torchmetrics.R2Score of one output. Means are merged batch by batch
// (Chan et al. 1979), which is stable where sums of squares cancel.
metric r2 {
    input x      [...]
    input target [...]
    state count  [] = zeros
    state middle [] = zeros
    state spread [] = zeros
    state errors [] = zeros
    n     = size(x)
    mu    = mean(target)
    delta = mu - middle
    update errors = errors + sum(pow(x - target, 2))
    update spread = spread + sum(pow(target - mu, 2)) + delta * delta * count * n / (count + n)
    update middle = middle + delta * n / (count + n)
    update count  = count + n
    output 1 - errors / spread
}

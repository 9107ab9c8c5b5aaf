edition 1

// log_sigmoid is log(sigmoid(x)), exact where sigmoid(x) rounds to 0 or 1:
// min(x, 0) - log(1 + exp(-|x|)).
//
// Reference: torch.nn.functional.logsigmoid.
func log_sigmoid(x) = where(x < 0, x, 0) - log1p(exp(where(x < 0, x, -x)))

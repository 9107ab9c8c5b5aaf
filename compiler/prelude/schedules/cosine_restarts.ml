edition 1

// cosine_restarts falls from lr to end along half a cosine in period updates and
// starts again, each period mult times as long as the one before (Loshchilov &
// Hutter 2017).
//
// Reference: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts. Keras'
// CosineDecayRestarts has periods twice as long each time, and end as a fraction.
func cosine_restarts(lr, period, mult = 1, end = 0.0) = end + (lr - end) * (1 + cos(3.141592653589793 * turn(step - 1, period, mult))) / 2

// turn is how far the current period has come, from 0 to 1.
func turn(t, period, mult) = select(mult == 1, t % period / period, growing(t, period, mult, restarts(t, period, mult)))

func restarts(t, period, mult) = floor(log(t * (mult - 1) / period + 1) / log(mult) + 1e-9)

func growing(t, period, mult, n) = (t - period * (pow(mult, n) - 1) / (mult - 1)) / (period * pow(mult, n))

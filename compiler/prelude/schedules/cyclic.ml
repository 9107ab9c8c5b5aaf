edition 1

// cyclic rises from lr to max_lr in step_size_up updates and falls back in
// step_size_down, again and again (Smith 2017). "triangular2" halves the height
// every cycle, "exp_range" scales it by gamma^(step - 1).
//
// Reference: torch.optim.lr_scheduler.CyclicLR (rates only). There is no such word
// in Keras.
func cyclic(lr, max_lr, step_size_up = 2000, step_size_down = none, mode = "triangular", gamma = 1.0) = cycle(lr, max_lr - lr, step_size_up, step_size_up + select(step_size_down == none, step_size_up, step_size_down), mode, gamma)

block cycle(lr, height, up, total, mode, gamma) {
    assert mode == "triangular" || mode == "triangular2" || mode == "exp_range", "the mode is triangular, triangular2 or exp_range"
    t     = step - 1
    whole = floor(t / total)
    part  = t / total - whole
    share = up / total
    tooth = min(part / share, (1 - part) / (1 - share))
    scale = 1
    if mode == "triangular2" {
        scale = pow(0.5, whole)
    } else if mode == "exp_range" {
        scale = pow(gamma, t)
    }
    output lr + height * tooth * scale
}

edition 1

// one_cycle rises from lr / div_factor to lr over pct_start of the steps and falls
// to lr / (div_factor final_div_factor) (Smith & Topin 2017,
// torch.optim.lr_scheduler.OneCycleLR). With three_phase it first falls back to
// the initial rate in as many steps as it rose.
func one_cycle(lr, steps, pct_start = 0.3, anneal_strategy = "cos", div_factor = 25.0, final_div_factor = 1e4, three_phase = false) = select(
    three_phase,
    three_phases(step - 1, pct_start * steps - 1, 2 * pct_start * steps - 2, steps - 1, lr / div_factor, lr, lr / div_factor / final_div_factor, anneal_strategy),
    where(step - 1 <= pct_start * steps - 1,
          anneal(lr / div_factor, lr, (step - 1) / (pct_start * steps - 1), anneal_strategy),
          anneal(lr, lr / div_factor / final_div_factor, (step - 1 - (pct_start * steps - 1)) / (steps - 1 - (pct_start * steps - 1)), anneal_strategy)))

func three_phases(t, up, down, last, low, high, end, strategy) = where(t <= up, anneal(low, high, t / up, strategy),
                                                                       where(t <= down, anneal(high, low, (t - up) / (down - up), strategy), anneal(low, end, (t - down) / (last - down), strategy)))

func anneal(from, to, x, strategy) = select(
    strategy == "linear",
    from + (to - from) * min(x, 1),
    to + (from - to) * 0.5 * (1 + cos(3.141592653589793 * min(x, 1))))

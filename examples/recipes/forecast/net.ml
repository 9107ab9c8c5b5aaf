edition 1

// Temperature forecasts tomorrow's value from the last thirty days. The data is a
// table with a row for each day, read as a series:
//
//	mlc train net.ml --data temperatures.csv --window 30
model Temperature(days = 30, hidden = 16) {
    input x float32[batch, days, 1]
    h, last = x -> rnn: gru(hidden, return_state = true)
    output y = h[..., days - 1, :] -> fc: linear(1)
    train {
        input target float32[batch, 1]
        loss mse_loss(y, target)
        metric mae = mean_absolute_error(y, target)
        optimizer adam(lr = 0.003)
    }
}

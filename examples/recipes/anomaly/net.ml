edition 1

// Anomaly learns what is usual and reports how far a row is from it: an
// autoencoder with a narrow middle. The table's target is not used.
model Anomaly(fields = 13, hidden = 8, middle = 3) {
    input x float32[batch, fields]
    code = x -> enc1: linear(hidden) -> tanh -> enc2: linear(middle)
    back = code -> dec1: linear(hidden) -> tanh -> dec2: linear(fields)
    output error = mean((back - x) * (back - x), axis = -1)

    train {
        loss mse_loss(back, x)
        optimizer adam(lr = 1e-2)
    }
}

edition 1

// Wide has layers whose gradients' sums step from one long row to the next.
model Wide() {
    input x float32[batch, 37, 256]
    input t float32[batch, 37, 260]

    y = x -> a: linear(288) -> tanh -> b: linear(260, bias = false)
    output y

    train {
        loss mse_loss(y, t)
        optimizer sgd(lr = 0.1, momentum = 0.9)
    }
}

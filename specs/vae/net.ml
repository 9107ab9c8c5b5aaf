edition 1

// VAE is a variational autoencoder (Kingma & Welling 2013) for 28x28 images.
model VAE(latent = 20, hidden = 400, beta = 1.0) {
    layer enc    = linear(hidden)
    layer mu     = linear(latent)
    layer logvar = linear(latent)
    layer dec1   = linear(hidden)
    layer dec2   = linear(784)

    // Encode returns the mean and log-variance of q(z|x).
    entry encode {
        input x float32[batch, 784]
        h = x -> enc -> relu
        output mean = h -> mu, log_var = h -> logvar
    }

    // Decode maps a latent vector to pixel probabilities.
    entry decode {
        input z float32[batch, latent]
        output pixels = z -> dec1 -> relu -> dec2 -> sigmoid
    }

    train {
        input x float32[batch, 784]
        m, lv = x -> encode
        z = m + exp(0.5 * lv) * randn_like(m)
        logits = z -> dec1 -> relu -> dec2
        recon = binary_cross_entropy_with_logits(logits, x, reduction = "sum") / batch
        kl = -0.5 * sum(1 + lv - m * m - exp(lv)) / batch
        loss recon + beta * kl
        metric recon
        metric kl
        optimizer adam(lr = 1e-3)
    }
}

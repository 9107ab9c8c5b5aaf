edition 1

// Diffusion learns to take noise off images (DDPM, Ho et al. 2020, with the cosine
// levels of Nichol & Dhariwal 2021). A step draws a level from 0, the image alone,
// to 1, noise alone, for each image; from Go, start with noise and call the entry
// for levels from 1 down.
model Diffusion(pixels = 784, hidden = 256) {
    input noisy float32[batch, pixels]
    input level float32[batch, 1]

    layer net = Denoiser(hidden)
    output noise = (noisy, level) -> net

    train {
        input image float32[batch, pixels]
        t    = rand([batch, 1])
        keep = cos(t * 1.5707963)
        eps  = randn_like(image)
        seen = keep * (2 * image - 1) + sqrt(1 - keep * keep) * eps
        loss mse_loss((seen, t) -> net, eps)
        optimizer adamw(lr = 1e-3, ema = 0.999)
    }
}

block Denoiser(hidden) {
    input x     [batch, n]
    input level [batch, one]
    h = x -> fc1: linear(hidden)
    h = h + (level -> level1: linear(hidden) -> silu -> level2: linear(hidden)) -> silu
    h = h + (h -> fc2: linear(hidden) -> silu)
    output h -> fc3: linear(n)
}

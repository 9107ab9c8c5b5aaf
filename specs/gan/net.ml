edition 1

block Generator(width) {
    input z [batch, latent]
    output z -> rearrange("b c -> b c 1 1")
             -> up1: conv_transpose2d(4 * width, kernel = 7, bias = false) -> bn1: batch_norm -> relu
             -> up2: conv_transpose2d(2 * width, kernel = 4, stride = 2, padding = 1, bias = false)
             -> bn2: batch_norm -> relu
             -> up3: conv_transpose2d(1, kernel = 4, stride = 2, padding = 1) -> tanh
}

block Discriminator(width) {
    input image [batch, 1, 28, 28]
    output image -> c1: conv2d(width, kernel = 4, stride = 2, padding = 1) -> leaky_relu(0.2)
                 -> c2: conv2d(2 * width, kernel = 4, stride = 2, padding = 1) -> leaky_relu(0.2)
                 -> flatten -> fc: linear(1) -> rearrange("b 1 -> b")
}

// DCGAN is a deep convolutional GAN for 28x28 images (Radford et al. 2015).
@init(normal(std = 0.02))
model DCGAN(latent = 100, width = 64) {
    layer gen  = Generator(width)
    layer disc = Discriminator(width)

    // Generate samples images from noise.
    entry generate {
        input z float32[batch, latent]
        output images = z -> gen
    }

    // Disc_step takes one discriminator step.
    train disc_step {
        input real float32[batch, 1, 28, 28]
        input z    float32[batch, latent]
        fake   = stop_gradient(z -> gen)
        d_real = real -> disc
        d_fake = fake -> disc
        loss binary_cross_entropy_with_logits(d_real, ones_like(d_real))
           + binary_cross_entropy_with_logits(d_fake, zeros_like(d_fake))
        optimizer adam(lr = 2e-4, betas = [0.5, 0.999]) on disc
    }

    // Gen_step takes one generator step.
    train gen_step {
        input z float32[batch, latent]
        score = z -> gen -> disc
        loss binary_cross_entropy_with_logits(score, ones_like(score))
        optimizer adam(lr = 2e-4, betas = [0.5, 0.999]) on gen
    }
}

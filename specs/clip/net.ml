edition 1

import gpt "../gpt/net.ml"
import vit "../vit/net.ml"

block TextTower(vocab, context, dim, layers, heads) {
    input tokens [batch, time]
    layer wte = embedding(vocab, dim)
    layer wpe = embedding(context, dim)
    x = (tokens -> wte) + (arange(time) -> wpe)
    for i in range(layers) {
        x = x -> h[i]: gpt.Block(heads, 0.0, 0.02)
    }
    output (x -> ln_f: layer_norm)[:, -1] -> proj: linear(dim, bias = false)
}

// CLIP trains an image and a text tower with a symmetric contrastive loss (Radford et al. 2021).
model CLIP(dim = 512, layers = 12, heads = 8, vocab = 49408, context = 77,
           size = 224, patch = 32, vision_dim = 768, vision_layers = 12, vision_heads = 12) {
    layer vision   = vit.ViT(size, patch, vision_dim, vision_layers, vision_heads, classes = dim)
    layer language = TextTower(vocab, context, dim, layers, heads)
    param logit_scale [] = constant(2.6593)

    // Embed_image returns a unit vector per image.
    entry embed_image {
        input image float32[batch, 3, size, size]
        output vector = image -> vision -> l2_normalize(axis = -1)
    }

    // Embed_text returns a unit vector per caption.
    entry embed_text {
        input tokens int32[batch, context]
        output vector = tokens -> language -> l2_normalize(axis = -1)
    }

    train {
        input image  float32[batch, 3, size, size]
        input tokens int32[batch, context]
        a = image  -> embed_image
        b = tokens -> embed_text
        logits = exp(logit_scale) * einsum("id,jd->ij", a, b)
        labels = arange(batch)
        loss 0.5 * (cross_entropy(logits, labels) + cross_entropy(transpose(logits), labels))
        optimizer adamw(lr = cosine(5e-4, warmup = 2000, steps = 100000), weight_decay = 0.2) {
            group bias, norm, logit_scale { weight_decay = 0 }
            group "vision.*weight" { lr = 1e-5 }
        }
    }
}

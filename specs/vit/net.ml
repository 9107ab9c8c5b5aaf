edition 1

block EncoderLayer(heads, drop) {
    input x [batch, time, dim]
    x = x + (x -> norm1: layer_norm -> attn: multi_head_attention(heads, dropout = drop))
    x = x + (x -> norm2: layer_norm -> fc1: linear(4 * dim) -> gelu -> fc2: linear(dim)
               -> dropout(drop))
    output x
}

// ViT is ViT-B/16 (Dosovitskiy et al. 2020).
@init(trunc_normal(std = 0.02))
model ViT(size = 224, patch = 16, dim = 768, layers = 12, heads = 12, drop = 0.1, classes = 1000) {
    input image float32[batch, 3, size, size]
    assert size % patch == 0
    patches = (size / patch) * (size / patch)

    param cls [1, 1, dim]           = zeros
    param pos [1, patches + 1, dim] = normal(std = 0.02)

    x = image -> patch_embed: conv2d(dim, kernel = patch, stride = patch)
              -> rearrange("b d h w -> b (h w) d")
    x = concat(expand(cls, [batch, 1, dim]), x, axis = 1) + pos -> dropout(drop)
    for i in range(layers) {
        x = x -> blocks[i]: EncoderLayer(heads, drop)
    }
    logits = (x -> ln: layer_norm)[:, 0] -> head: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels, label_smoothing = 0.1)
        metric accuracy(logits, labels)
        optimizer adamw(lr = cosine(3e-3, warmup = 10000, steps = 300000), weight_decay = 0.3,
                        clip_norm = 1.0) {
            group bias, norm, pos, cls { weight_decay = 0 }
        }
    }
}

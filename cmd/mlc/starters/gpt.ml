edition 1

block SelfAttention(heads, drop, out_std) {
    input x [batch, time, dim]
    assert dim % heads == 0, "dim must be divisible by heads"

    q, k, v = x -> c_attn: linear(3 * dim)
                -> rearrange("b t (n h d) -> n b h t d", n = 3, h = heads) -> unstack
    y = scaled_dot_product_attention(q, k, v, is_causal = true, dropout = drop)
    output y -> rearrange("b h t d -> b t (h d)")
             -> c_proj: linear(dim, init = normal(std = out_std)) -> dropout(drop)
}

block MLP(drop, out_std) {
    input x [batch, time, dim]
    output x -> c_fc: linear(4 * dim) -> gelu
             -> c_proj: linear(dim, init = normal(std = out_std)) -> dropout(drop)
}

block Block(heads, drop, out_std) {
    input x [batch, time, dim]
    x = x + (x -> ln_1: layer_norm -> attn: SelfAttention(heads, drop, out_std))
    x = x + (x -> ln_2: layer_norm -> mlp: MLP(drop, out_std))
    output x
}

// GPT is nanoGPT's GPT-2 (124M parameters by default).
@init(normal(std = 0.02))
model GPT(vocab = 50304, context = 1024, layers = 12, heads = 12, dim = 768, drop = 0.0) {
    input tokens int32[batch, time]
    assert time <= context

    layer wte = embedding(vocab, dim)
    layer wpe = embedding(context, dim)

    x = (tokens -> wte) + (arange(time) -> wpe) -> dropout(drop)
    for i in range(layers) {
        x = x -> h[i]: Block(heads, drop, 0.02 / sqrt(2 * layers))
    }
    logits = x -> ln_f: layer_norm -> lm_head: linear(vocab, bias = false, weight = wte.weight)
    output logits

    train {
        input targets int32[batch, time]
        loss cross_entropy(logits, targets)
        optimizer adamw(lr = cosine(6e-4, warmup = 2000, steps = 600000, end = 6e-5),
                        betas = [0.9, 0.95], weight_decay = 0.1, clip_norm = 1.0) {
            group bias, norm { weight_decay = 0 }
        }
    }
}

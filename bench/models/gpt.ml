edition 1

block SelfAttention(heads) {
    input x [batch, time, dim]

    q, k, v = x -> c_attn: linear(3 * dim)
                -> rearrange("b t (n h d) -> n b h t d", n = 3, h = heads) -> unstack
    y = scaled_dot_product_attention(q, k, v, is_causal = true)
    output y -> rearrange("b h t d -> b t (h d)") -> c_proj: linear(dim)
}

block Block(heads) {
    input x [batch, time, dim]
    x = x + (x -> ln_1: layer_norm -> attn: SelfAttention(heads))
    x = x + (x -> ln_2: layer_norm -> c_fc: linear(4 * dim) -> gelu -> c_proj: linear(dim))
    output x
}

// TinyGPT has the size of nanoGPT's configuration for a CPU.
model TinyGPT(vocab = 65, context = 64, layers = 4, heads = 4, dim = 128) {
    input tokens int32[batch, context]

    layer wte = embedding(vocab, dim)
    layer wpe = embedding(context, dim)

    x = (tokens -> wte) + (arange(context) -> wpe)
    for i in range(layers) {
        x = x -> h[i]: Block(heads)
    }
    logits = x -> ln_f: layer_norm -> lm_head: linear(vocab, bias = false, weight = wte.weight)
    output logits

    train {
        input targets int32[batch, context]
        loss cross_entropy(logits, targets)
        optimizer adamw(lr = 1e-3, weight_decay = 0.1)
    }
}

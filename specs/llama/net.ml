edition 1

// RMSNorm scales by the root mean square (Zhang & Sennrich 2019).
@role(norm)
block RMSNorm(eps = 1e-5) {
    input x [..., d]
    param weight [d] = ones
    output x * rsqrt(mean(x * x, axis = -1, keepdims = true) + eps) * weight
}

// Attention is grouped-query attention with rotary position embeddings.
block Attention(heads, kv_heads, theta) {
    input x [batch, time, dim]
    assert dim % heads == 0
    assert heads % kv_heads == 0
    hd = dim / heads

    q = x -> q_proj: linear(dim, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd)
    k = x -> k_proj: linear(kv_heads * hd, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd)
    v = x -> v_proj: linear(kv_heads * hd, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd)

    y = scaled_dot_product_attention(q -> rope(theta), k -> rope(theta), v,
                                     is_causal = true, enable_gqa = true)
    output y -> rearrange("b h t d -> b t (h d)") -> o_proj: linear(dim, bias = false)
}

// SwiGLU is the gated feed-forward network (Shazeer 2020).
block SwiGLU(hidden) {
    input x [batch, time, dim]
    gate = x -> gate_proj: linear(hidden, bias = false) -> silu
    up   = x -> up_proj: linear(hidden, bias = false)
    output gate * up -> down_proj: linear(dim, bias = false)
}

@remat
block DecoderLayer(heads, kv_heads, hidden, theta) {
    input x [batch, time, dim]
    x = x + (x -> input_layernorm: RMSNorm -> self_attn: Attention(heads, kv_heads, theta))
    x = x + (x -> post_attention_layernorm: RMSNorm -> mlp: SwiGLU(hidden))
    output x
}

// Llama is Llama-3.2-1B; weight names match the Hugging Face checkpoint.
@dtype(bfloat16)
@init(normal(std = 0.02))
model Llama(vocab = 128256, context = 8192, layers = 16, heads = 32, kv_heads = 8,
            dim = 2048, hidden = 8192, theta = 500000.0) {
    input tokens int32[batch, time]
    assert time <= context

    layer embed_tokens = embedding(vocab, dim)

    x = tokens -> embed_tokens
    for i in range(layers) {
        x = x -> layers[i]: DecoderLayer(heads, kv_heads, hidden, theta)
    }
    logits = x -> norm: RMSNorm
               -> lm_head: linear(vocab, bias = false, weight = embed_tokens.weight)
    output logits

    train {
        input targets int32[batch, time]
        loss cross_entropy(logits, targets, ignore_index = -100)
        optimizer adamw(lr = cosine(3e-4, warmup = 2000, steps = 500000, end = 3e-5),
                        betas = [0.9, 0.95], weight_decay = 0.1, clip_norm = 1.0) {
            group "*norm.weight" { weight_decay = 0 }
        }
    }
}

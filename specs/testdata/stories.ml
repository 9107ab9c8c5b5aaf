edition 1

import llama "../llama/net.ml"

// CachedAttention is Llama's attention for one token at a time: a session keeps the
// keys and values of the tokens before.
block CachedAttention(heads, kv_heads, context, theta) {
    input x        [batch, one, dim]
    input position int32[]
    hd = dim / heads
    start = cast(position, float32)

    q = x -> q_proj: linear(dim, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd) -> rope(theta, start = start)
    k = x -> k_proj: linear(kv_heads * hd, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd) -> rope(theta, start = start)
    v = x -> v_proj: linear(kv_heads * hd, bias = false) -> rearrange("b t (h d) -> b h t d", d = hd)

    state keys   float32[batch, kv_heads, context, hd] = zeros
    state values float32[batch, kv_heads, context, hd] = zeros
    update keys = update_slice(keys, k, position, axis = 2)
    update values = update_slice(values, v, position, axis = 2)
    seen = reshape(arange(context) <= position, [1, 1, 1, context])
    y = scaled_dot_product_attention(q, keys, values, attn_mask = seen, enable_gqa = true)
    output y -> rearrange("b h t d -> b t (h d)") -> o_proj: linear(dim, bias = false)
}

block CachedLayer(heads, kv_heads, hidden, context, theta) {
    input x        [batch, one, dim]
    input position int32[]
    a = (x -> input_layernorm: llama.RMSNorm, position) -> self_attn: CachedAttention(heads, kv_heads, context, theta)
    x = x + a
    x = x + (x -> post_attention_layernorm: llama.RMSNorm -> mlp: llama.SwiGLU(hidden))
    output x
}

// Stories is a small Llama that writes: a call takes a token and gives scores of
// the next one.
model Stories(vocab = 512, context = 512, layers = 5, heads = 8, kv_heads = 4, dim = 64, hidden = 172, theta = 10000.0) {
    layer embed_tokens = embedding(vocab, dim)

    // Generate goes on by one token.
    entry generate {
        input token int32[batch]
        state position int32[] = zeros
        x = rearrange(token, "b -> b 1") -> embed_tokens
        for i in range(layers) {
            x = (x, position) -> layers[i]: CachedLayer(heads, kv_heads, hidden, context, theta)
        }
        update position = position + 1
        y = x -> norm: llama.RMSNorm -> lm_head: linear(vocab, bias = false, weight = embed_tokens.weight)
        output logits = y[:, 0], next = argmax(y[:, 0], axis = -1)
    }
}

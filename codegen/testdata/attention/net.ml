edition 1

// Attend uses attention with one number of heads.
block Attend(heads, causal = false, drop = 0.0, biased = false) {
    input x [batch, time, dim]
    q, k, v = x -> linear(3 * dim) -> rearrange("b t (n h d) -> n b h t d", n = 3, h = heads) -> unstack
    bias = select(biased, alibi(heads, time), none)
    y = scaled_dot_product_attention(q, k, v, attn_mask = bias, dropout = drop, is_causal = causal)
    output x + (y -> rearrange("b h t d -> b t (h d)"))
}

// Grouped lets two heads share a key head, and hides some keys but never the first.
block Grouped(heads) {
    input x [batch, time, dim]
    input seen bool[batch, time]
    q = x -> q: linear(dim) -> rearrange("b t (h d) -> b h t d", h = heads)
    k, v = x -> kv: linear(dim) -> rearrange("b t (n h d) -> n b h t d", n = 2, h = heads / 2) -> unstack
    mask = seen || arange(time) == 0
    y = scaled_dot_product_attention(q, k, v, attn_mask = reshape(mask, [batch, 1, 1, time]), enable_gqa = true)
    output x + (y -> rearrange("b h t d -> b t (h d)"))
}

// Shared adds two attentions over the same keys, whose gradients meet.
block Shared(heads) {
    input x [batch, time, dim]
    q, k, v = x -> linear(3 * dim) -> rearrange("b t (n h d) -> n b h t d", n = 3, h = heads) -> unstack
    near = scaled_dot_product_attention(q, k, v, is_causal = true, scale = 0.7)
    far = scaled_dot_product_attention(q, k, v)
    output x + (near + far -> rearrange("b h t d -> b t (h d)"))
}

model Attention(dim = 8, heads = 2) {
    input x float32[batch, time, dim]
    input seen bool[batch, time]
    h = x -> plain: Attend(heads) -> causal: Attend(heads, causal = true) -> biased: Attend(heads, causal = true, biased = true)
    h = h -> dropped: Attend(heads, causal = true, drop = 0.3) -> shared: Shared(heads)
    h = (h, seen) -> grouped: Grouped(heads)
    @dtype(bfloat16)
    h = cast(h, bfloat16) -> half: Attend(heads, causal = true)
    output cast(h, float32)

    train {
        input target float32[batch, time, dim]
        loss mse_loss(cast(h, float32), target)
        optimizer sgd(lr = 0.1)
    }
}

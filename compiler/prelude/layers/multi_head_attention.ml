edition 1

// multi_head_attention is scaled_dot_product_attention in heads parts of projections
// of x, or of x, key and value (Vaswani et al. 2017).
//
// Reference: torch.nn.MultiheadAttention with batch_first. The projections q_proj,
// k_proj and v_proj are the parts of its in_proj_weight; they start as
// xavier_uniform, biases at 0. key_padding_mask is true where a key is to be
// ignored, a bool attn_mask [..., time, keys] where a query must not see a key; another
// one is added to the scores. With return_weights the second result is the weights, their mean over
// the heads unless average_attn_weights is false. Keras's layer has a size of its
// own for each head.
block multi_head_attention(heads, dropout = 0.0, bias = true, is_causal = false, return_weights = false, average_attn_weights = true, init = xavier_uniform) {
    input x     [batch, time, d]
    input key   [batch, keys, dk] = none
    input value [batch, keys, dv] = none
    input key_padding_mask bool[batch, keys] = none
    input attn_mask [...] = none
    assert d % heads == 0, "the size of multi_head_attention must be divisible by heads"
    from = select(key == none, x, key)
    content = select(value == none, from, value)
    q = x -> q_proj: projection(d, bias, init) -> rearrange("b t (h e) -> b h t e", h = heads)
    k = from -> k_proj: projection(d, bias, init) -> rearrange("b t (h e) -> b h t e", h = heads)
    v = content -> v_proj: projection(d, bias, init) -> rearrange("b t (h e) -> b h t e", h = heads)
    mask = none
    if key_padding_mask != none {
        mask = reshape(!key_padding_mask, [shape(key_padding_mask)[0], 1, 1, -1])
    }
    if attn_mask != none {
        allowed = select(dtype(attn_mask) == bool, attn_mask == false, attn_mask)
        if mask == none {
            mask = allowed
        } else if dtype(attn_mask) == bool {
            mask = mask && allowed
        } else {
            mask = where(mask, allowed, -inf)
        }
    }
    y, weights = scaled_dot_product_attention(q, k, v, attn_mask = mask, dropout = dropout, is_causal = is_causal, return_weights = true)
    y = y -> rearrange("b h t e -> b t (h e)") -> out_proj: projection(d, bias, kaiming_uniform(a = sqrt(5)))
    if return_weights {
        output y, select(average_attn_weights, mean(weights, axis = 1), weights)
    } else {
        output y
    }
}

block projection(features, bias, init) {
    input x [..., d]
    param weight [features, d] = init
    y = einsum("...d,od->...o", x, weight)
    if bias {
        @role(bias)
        param bias [features] = zeros
        y = y + bias
    }
    output y
}

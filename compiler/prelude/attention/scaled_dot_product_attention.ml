edition 1

// scaled_dot_product_attention is softmax(q kᵀ scale) v over the last two axes
// [..., time, d] (Vaswani et al. 2017).
//
// Reference: torch.nn.functional.scaled_dot_product_attention. scale is 1 / sqrt(d)
// unless given. A bool attn_mask is true where a key counts; another one is added to
// the scores. With is_causal a query sees the keys up to its own position. With
// enable_gqa several heads (axis -3) of q share one of k and v. dropout acts on the
// weights while training. With return_weights the weights are a second result.
//
// Scores and weights are not kept unless they are a result: a worker holds those of
// 64 queries at a time, and the gradient computes them again.
func scaled_dot_product_attention(q, k, v, attn_mask = none, dropout = 0.0, is_causal = false, scale = none, enable_gqa = false, return_weights = false) = select(
    enable_gqa && shape(q)[-3] != shape(k)[-3],
    reshape(attend(share_heads(q, k), k, v, share_mask(attn_mask, q, k), dropout, is_causal, scale, false, shape(q)[-2]), shape(q)[0:-1] + [shape(v)[-1]]),
    attend(q, k, v, attn_mask, dropout, is_causal, scale, return_weights, shape(q)[-2]))

// share_heads puts the heads that share a key head behind each other in time.
func share_heads(x, k) = reshape(x, shape(x)[0:-3] + [shape(k)[-3], -1, shape(x)[-1]])

func share_mask(mask, q, k) = select(
    mask == none,
    none,
    share_heads(expand(mask, shape(q)[0:-1] + [shape(k)[-2]]), k))

// attend keeps its operands for the gradient, and computes the weights again.
@remat
block attend(attn_mask, dropout, is_causal, scale, return_weights, time) {
    input q [..., queries, d]
    input k [..., keys, d]
    input v [..., keys, dv]
    factor = select(scale == none, 1 / sqrt(d), scale)
    scores = factor * einsum("...qd,...kd->...qk", q, k)
    if is_causal {
        position = reshape(arange(queries), [-1, 1])
        if queries != time {
            position = position % time
        }
        scores = where(reshape(arange(keys), [1, -1]) <= position, scores, -inf)
    }
    if attn_mask != none {
        if dtype(attn_mask) == bool {
            scores = where(attn_mask, scores, -inf)
        } else {
            scores = scores + attn_mask
        }
    }
    weights = softmax(scores, axis = -1)
    if dropout > 0 {
        weights = weights -> dropout(dropout)
    }
    y = einsum("...qk,...kd->...qd", weights, v)
    if return_weights {
        output y, weights
    } else {
        output y
    }
}

edition 1

// transformer_decoder_layer is causal self-attention, attention to a memory and a
// two-layer network, each with a residual and a layer norm after it, or before it
// with norm_first (Vaswani et al. 2017).
//
// Reference: torch.nn.TransformerDecoderLayer with batch_first, whose mask the
// caller gives; tensors have its names. memory_padding_mask is true where a key of
// the memory is to be ignored.
block transformer_decoder_layer(heads, dim_feedforward = 2048, dropout = 0.1, activation = "relu", eps = 1e-5, norm_first = false, is_causal = true) {
    input x      [batch, time, d]
    input memory [batch, keys, width]
    input memory_padding_mask bool[batch, keys] = none
    layer self_attn      = multi_head_attention(heads, dropout = dropout, is_causal = is_causal)
    layer multihead_attn = multi_head_attention(heads, dropout = dropout)
    layer linear1 = linear(dim_feedforward)
    layer linear2 = linear(d)
    layer norm1   = layer_norm(eps = eps)
    layer norm2   = layer_norm(eps = eps)
    layer norm3   = layer_norm(eps = eps)
    assert activation == "relu" || activation == "gelu", "the activation is relu or gelu"
    a = self_attn(select(norm_first, x -> norm1, x)) -> dropout1: dropout(dropout)
    h = select(norm_first, x + a, x + a -> norm1)
    q = select(norm_first, h -> norm2, h)
    a = multihead_attn(q, key = memory, value = memory, key_padding_mask = memory_padding_mask) -> dropout2: dropout(dropout)
    h = select(norm_first, h + a, h + a -> norm2)
    f = select(norm_first, h -> norm3, h) -> linear1
    f = select(activation == "relu", relu(f), gelu(f)) -> dropout0: dropout(dropout) -> linear2 -> dropout3: dropout(dropout)
    output select(norm_first, h + f, h + f -> norm3)
}

edition 1

// transformer_encoder_layer is self-attention and a two-layer network, each with a
// residual and a layer norm after it, or before it with norm_first (Vaswani et al.
// 2017).
//
// Reference: torch.nn.TransformerEncoderLayer with batch_first; tensors have its
// names. key_padding_mask is true where a key is to be ignored.
block transformer_encoder_layer(heads, dim_feedforward = 2048, dropout = 0.1, activation = "relu", eps = 1e-5, norm_first = false, is_causal = false) {
    input x [batch, time, d]
    input key_padding_mask bool[batch, time] = none
    layer self_attn = multi_head_attention(heads, dropout = dropout, is_causal = is_causal)
    layer linear1   = linear(dim_feedforward)
    layer linear2   = linear(d)
    layer norm1     = layer_norm(eps = eps)
    layer norm2     = layer_norm(eps = eps)
    assert activation == "relu" || activation == "gelu", "the activation is relu or gelu"
    a = select(norm_first, x -> norm1, x)
    a = self_attn(a, key_padding_mask = key_padding_mask) -> dropout1: dropout(dropout)
    h = select(norm_first, x + a, x + a -> norm1)
    f = select(norm_first, h -> norm2, h) -> linear1
    f = select(activation == "relu", relu(f), gelu(f)) -> dropout0: dropout(dropout) -> linear2 -> dropout2: dropout(dropout)
    output select(norm_first, h + f, h + f -> norm2)
}

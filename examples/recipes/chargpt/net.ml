edition 1

block SelfAttention(heads) {
    input x [batch, time, dim]
    q, k, v = x -> c_attn: linear(3 * dim) -> rearrange("b t (n h d) -> n b h t d", n = 3, h = heads) -> unstack
    y = scaled_dot_product_attention(q, k, v, is_causal = true)
    output y -> rearrange("b h t d -> b t (h d)") -> c_proj: linear(dim)
}

block Block(heads) {
    input x [batch, time, dim]
    x = x + (x -> ln_1: layer_norm -> attn: SelfAttention(heads))
    output x + (x -> ln_2: layer_norm -> fc1: linear(4 * dim) -> gelu -> fc2: linear(dim))
}

// CharGPT is a small GPT that writes character by character. The data is a text
// file; vocab is at least the number of its different characters:
//
//	mlc train net.ml --data shakespeare.txt --context 64 --set vocab=65
//	mlc predict net.ml --row "ROMEO:" --length 300 --format text
@init(normal(std = 0.02))
model CharGPT(vocab = 65, context = 64, layers = 2, heads = 4, dim = 64) {
    input tokens int32[batch, time]
    assert time <= context
    x = (tokens -> wte: embedding(vocab, dim)) + (arange(time) -> wpe: embedding(context, dim))
    for i in range(layers) {
        x = x -> h[i]: Block(heads)
    }
    output logits = x -> ln_f: layer_norm -> lm_head: linear(vocab, bias = false)
    train {
        input targets int32[batch, time]
        loss cross_entropy(logits, targets)
        metric perplexity(logits, targets)
        optimizer adamw(lr = 3e-3)
    }
}

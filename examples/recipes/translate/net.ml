edition 1

// Translator is the encoder-decoder Transformer (Vaswani et al. 2017): it reads a
// sentence and writes another, token by token. Summarising is the same with long
// and short texts. Sentences are padded with 0; the decoder is given the
// translation from its start token on and learns the token that follows each. Feed
// it from Go; writing a sentence is calling it with what is written so far.
model Translator(source_vocab = 8000, target_vocab = 8000, dim = 128, heads = 4, layers = 2, longest = 128) {
    input source int32[batch, source_time]
    input target int32[batch, target_time]
    assert source_time <= longest && target_time <= longest

    layer source_words  = embedding(source_vocab, dim, padding_idx = 0)
    layer target_words  = embedding(target_vocab, dim, padding_idx = 0)
    layer source_places = embedding(longest, dim)
    layer target_places = embedding(longest, dim)

    memory = (source -> source_words) + (arange(source_time) -> source_places)
    for i in range(layers) {
        memory = memory -> encoder[i]: transformer_encoder_layer(heads, dim_feedforward = 4 * dim)
    }
    x = (target -> target_words) + (arange(target_time) -> target_places)
    for i in range(layers) {
        x = (x, memory) -> decoder[i]: transformer_decoder_layer(heads, dim_feedforward = 4 * dim)
    }
    output logits = x -> head: linear(target_vocab)

    train {
        input next int32[batch, target_time]
        loss cross_entropy(logits, next, ignore_index = 0, label_smoothing = 0.1)
        optimizer adam(lr = noam(dim = dim, warmup = 4000), betas = [0.9, 0.98], eps = 1e-9)
    }
}

edition 1

// TextClassifier is a bidirectional LSTM over token ids, padded with 0.
model TextClassifier(vocab = 20000, dim = 128, hidden = 256, classes = 2, drop = 0.5) {
    input tokens  int32[batch, time]
    input lengths int32[batch]

    h = tokens -> embed: embedding(vocab, dim, padding_idx = 0) -> dropout(drop)
    seq = (h, lengths) -> rnn: lstm(hidden, layers = 2, bidirectional = true, dropout = drop)
    logits = (seq, lengths) -> masked_mean(axis = 1) -> dropout(drop) -> fc: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3, clip_norm = 1.0)
    }
}

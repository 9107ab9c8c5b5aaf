edition 1

// Tagger names the part of speech of every word: a bidirectional LSTM reads the
// sentence. Words and tags are padded with 0 and -100, which the loss leaves out.
// The data is CoNLL-U, as the Universal Dependencies have it:
//
//	mlc train net.ml --data en_ewt-ud-train.conllu
//	mlc predict net.ml --row "The dog barks." --format text
model Tagger(vocab = 20000, dim = 64, hidden = 64, tags = 17) {
    input tokens  int32[batch, time]
    input lengths int32[batch]

    h = tokens -> embed: embedding(vocab, dim, padding_idx = 0) -> dropout(0.3)
    seq = (h, lengths) -> rnn: lstm(hidden, bidirectional = true)
    output logits = seq -> dropout(0.3) -> fc: linear(tags)

    train {
        input labels int32[batch, time]
        known = cast(labels != -100, float32)
        right = cast(argmax(logits, axis = -1) == labels, float32)
        loss cross_entropy(logits, labels, ignore_index = -100)
        metric accuracy = sum(right * known) / max(sum(known), 1)
        optimizer adam(lr = 2e-3, clip_norm = 5.0)
    }
}

edition 1

// SequenceClassifier is one LSTM over 64 vectors and a classifier on its last output.
model SequenceClassifier(hidden = 128, classes = 10) {
    input x float32[batch, 64, 128]

    seq = x -> rnn: lstm(hidden)
    logits = seq[:, -1] -> fc: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        optimizer adam(lr = 1e-3)
    }
}

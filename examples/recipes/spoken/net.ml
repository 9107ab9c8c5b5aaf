edition 1

// SpokenDigit hears which of ten digits is spoken. The data is a folder of WAV
// files for each digit, or one folder whose files' names start with it:
//
//	mlc train net.ml --data recordings
//	mlc predict net.ml seven.wav
model SpokenDigit(mels = 40, hidden = 64, classes = 10) {
    input frames  float32[batch, time, mels]
    input lengths int32[batch]
    h = (frames, lengths) -> rnn: gru(hidden)
    output logits = (h, lengths) -> masked_mean(axis = 1) -> fc: linear(classes)
    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 0.005)
    }
}

edition 1

// Spam tells unwanted messages from others by the mean of their word vectors;
// sentiment and topics are the same. The data is a table with a column of text:
//
//	mlc train net.ml --data sms.tsv --target-column 1 --text 2 --vocab 2000
//	mlc predict net.ml --row "You have won a prize"
model Spam(vocab = 2000, dim = 32) {
    input tokens  int32[batch, time]
    input lengths int32[batch]
    h = tokens -> embed: embedding(vocab, dim, padding_idx = 0)
    output logits = (h, lengths) -> masked_mean(axis = 1) -> fc: linear(2)
    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 0.01)
    }
}

edition 1

// SpeechCTC maps log-mel frames to characters: two strided convolutions, a BiGRU stack and CTC.
model SpeechCTC(mels = 80, hidden = 512, layers = 4, vocab = 29) {
    input frames  float32[batch, time, mels]
    input lengths int32[batch]

    x = frames -> rearrange("b t m -> b 1 t m")
               -> conv1: conv2d(32, kernel = 3, stride = 2, padding = 1) -> bn1: batch_norm -> relu
               -> conv2: conv2d(32, kernel = 3, stride = 2, padding = 1) -> bn2: batch_norm -> relu
               -> rearrange("b c t m -> b t (c m)")
    steps = floor_divide(lengths + 3, 4)
    y = (x, steps) -> rnn: gru(hidden, layers = layers, bidirectional = true, dropout = 0.1)
    log_probs = y -> layer_norm -> fc: linear(vocab) -> log_softmax(axis = -1)
    output log_probs, steps

    train {
        input targets        int32[batch, chars]
        input target_lengths int32[batch]
        loss ctc_loss(log_probs, targets, steps, target_lengths, blank = 0)
        metric cer = char_error_rate(log_probs, targets, steps, target_lengths)
        optimizer adamw(lr = one_cycle(1e-3, steps = 100000), weight_decay = 1e-2, clip_norm = 1.0) {
            group bias, norm { weight_decay = 0 }
        }
    }
}

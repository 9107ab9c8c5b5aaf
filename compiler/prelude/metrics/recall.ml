edition 1

// recall is how much of what is there was found, tp / (tp + fn), over an epoch.
//
// With as many scores as targets (0 or 1), a score of threshold or more predicts 1.
// With one axis more, the last, there are several classes: the largest score
// predicts, "macro" averages over the classes that occur, "micro" counts them
// together.
//
// Reference: torchmetrics.Recall, which applies a sigmoid to scores outside of [0, 1];
// here scores are compared as they are (for logits, threshold = 0). Keras'
// metric does the same.
metric recall(scores, target, threshold = 0.5, average = "macro") {
    classes = select(rank(scores) > rank(target), shape(scores)[-1], 1)
    state tp [classes] = zeros
    state fp [classes] = zeros
    state fn [classes] = zeros
    guess = guesses(scores, classes, threshold)
    truth = truths(target, classes)
    update tp = tp + sum(guess * truth, axis = 0)
    update fp = fp + sum(guess * (1 - truth), axis = 0)
    update fn = fn + sum((1 - guess) * truth, axis = 0)
    assert average == "macro" || average == "micro", "average is macro or micro"
    if average == "micro" {
        output sum(tp) / max(sum(tp + fn), 1)
    } else {
        occurs = cast(tp + fp + fn > 0, float32)
        output sum(occurs * tp / max(tp + fn, 1)) / max(sum(occurs), 1)
    }
}

func guesses(scores, classes, threshold) = select(classes == 1, reshape(cast(scores >= threshold, float32), [-1, 1]), reshape(one_hot(argmax(scores, axis = -1), classes), [-1, classes]))

func truths(target, classes) = select(classes == 1, reshape(cast(target, float32), [-1, 1]), reshape(one_hot(target, classes), [-1, classes]))

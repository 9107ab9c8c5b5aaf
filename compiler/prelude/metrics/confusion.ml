edition 1

// confusion counts an epoch's predictions: element (i, j) is how many samples of
// class i were taken for class j.
//
// Reference: torchmetrics.ConfusionMatrix of several classes: logits with the classes
// last.
metric confusion {
    input logits [..., classes]
    input target [...]
    state counts [classes, classes] = zeros
    truth = reshape(one_hot(target, classes), [-1, classes])
    guess = reshape(one_hot(argmax(logits, axis = -1), classes), [-1, classes])
    update counts = counts + einsum("nt,ng->tg", truth, guess)
    output counts
}

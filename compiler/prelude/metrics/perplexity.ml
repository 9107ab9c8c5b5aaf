edition 1

// perplexity is exp of the mean cross entropy of an epoch's tokens. Targets equal to
// ignore_index do not count.
//
// Reference: torchmetrics.text.Perplexity: logits with the classes last.
metric perplexity(ignore_index = -100) {
    input logits [..., classes]
    input target [...]
    state total [] = zeros
    state count [] = zeros
    update total = total + nll_loss(log_softmax(logits, axis = -1), target, ignore_index = ignore_index, reduction = "sum")
    update count = count + sum(cast(target != ignore_index, float32))
    output exp(total / max(count, 1))
}

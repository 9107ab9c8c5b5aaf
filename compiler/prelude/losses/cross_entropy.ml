edition 1

// cross_entropy is -log softmax(logits)[target] along axis
// (torch.nn.functional.cross_entropy). The target holds class indices, or
// probabilities in the shape of the logits.
//
// weight gives each class a factor; "mean" then divides by the sum of the
// factors. Targets equal to ignore_index count nothing; PyTorch's default for it
// is -100, here there is none. label_smoothing mixes in the uniform distribution.
// The class axis is the last one unless given; PyTorch's is 1.
// Keras's categorical_crossentropy takes probabilities unless from_logits is set.
func cross_entropy(logits, target, axis = -1, weight = none, ignore_index = none, label_smoothing = 0.0, reduction = "mean") = select(
    is_integer(target),
    cross_entropy_of_classes(move_axis(logits, axis, -1), target, weight, ignore_index, label_smoothing, reduction),
    select(rank(target) == rank(logits),
           cross_entropy_of_probabilities(move_axis(logits, axis, -1), move_axis(target, axis, -1), weight, label_smoothing, reduction),
           refuse_labels(logits)))

block refuse_labels() {
    input logits [...]
    assert false, "class indices are integers, such as int32; floats are probabilities in the shape of the logits"
    output sum(logits)
}

block cross_entropy_of_classes(weight, ignore_index, label_smoothing, reduction) {
    input logits [..., classes]
    input target [...]
    logp = log_softmax(logits)
    index = target
    if ignore_index != none {
        index = where(target == ignore_index, 0, target)
    }
    loss = -gather(logp, index, axis = -1)
    total = size(loss)
    if weight != none {
        factor = index_select(weight, index)
        if ignore_index != none {
            factor = where(target == ignore_index, 0, factor)
        }
        loss = loss * factor
        total = sum(factor)
    } else if ignore_index != none {
        loss = where(target == ignore_index, 0, loss)
        total = sum(where(target == ignore_index, 0, ones_like(loss)))
    }
    if label_smoothing > 0 {
        smooth = -sum(select(weight == none, logp, logp * weight), axis = -1)
        if ignore_index != none {
            smooth = where(target == ignore_index, 0, smooth)
        }
        loss = (1 - label_smoothing) * loss + label_smoothing / classes * smooth
    }
    output select(reduction == "mean", sum(loss) / total, reduce_loss(loss, reduction))
}

block cross_entropy_of_probabilities(weight, label_smoothing, reduction) {
    input logits [..., classes]
    input target [..., classes]
    p = target
    if label_smoothing > 0 {
        p = (1 - label_smoothing) * target + label_smoothing / classes
    }
    logp = log_softmax(logits)
    output reduce_loss(-sum(select(weight == none, p * logp, p * logp * weight), axis = -1), reduction)
}

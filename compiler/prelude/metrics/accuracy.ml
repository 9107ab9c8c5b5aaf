edition 1

// accuracy is the share of samples whose class is among the top largest logits
// along axis. The labels are class indices, or one-hot in the shape of the logits.
func accuracy(logits, labels, top = 1, axis = -1) = select(
    is_integer(labels),
    accuracy_of_classes(move_axis(logits, axis, -1), labels, top),
    accuracy_of_classes(move_axis(logits, axis, -1), argmax(labels, axis = axis), top))

block accuracy_of_classes(top) {
    input logits [..., classes]
    input labels [...]
    if top == 1 {
        hit = argmax(logits, axis = -1) == cast(labels, int32)
    } else {
        own = reshape(gather(logits, labels, axis = -1), shape(labels) + [1])
        hit = sum(cast(logits > own, int32), axis = -1) < top
    }
    output mean(cast(hit, float32))
}

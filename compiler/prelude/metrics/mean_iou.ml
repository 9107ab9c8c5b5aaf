edition 1

// mean_iou is the mean over the classes that occur of intersection / union of the
// predicted and the true positions of the class, over an epoch. The class axis of the
// logits is the last one unless given.
//
// Reference: torchmetrics.JaccardIndex and Keras's MeanIoU.
metric mean_iou(logits, target, axis = -1) {
    classes = shape(logits)[axis]
    state intersection [classes] = zeros
    state union        [classes] = zeros
    guess = reshape(one_hot(argmax(logits, axis = axis), classes), [-1, classes])
    truth = reshape(one_hot(target, classes), [-1, classes])
    update intersection = intersection + sum(guess * truth, axis = 0)
    update union = union + sum(max(guess, truth), axis = 0)
    occurs = cast(union > 0, float32)
    output sum(occurs * intersection / max(union, 1)) / max(sum(occurs), 1)
}

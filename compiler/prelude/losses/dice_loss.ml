edition 1

// dice_loss is 1 - the mean over classes of 2 Σ p t / (Σ p + Σ t), where p is the
// softmax of the logits along axis, t is 1 at the target's class, and sums run over
// the batch and all positions (Milletari et al. 2016). smooth is added to both sides
// of the quotient, so that an absent class gives 0.
func dice_loss(logits, target, axis = -1, smooth = 1.0) = dice_of_classes(move_axis(logits, axis, -1), target, smooth)

block dice_of_classes(smooth) {
    input logits [..., classes]
    input target [...]
    p = reshape(softmax(logits), [-1, classes])
    t = reshape(one_hot(target, classes), [-1, classes])
    both = sum(p, axis = 0) + sum(t, axis = 0)
    output 1 - mean((2 * sum(p * t, axis = 0) + smooth) / (both + smooth))
}

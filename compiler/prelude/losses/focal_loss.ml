edition 1

// focal_loss is binary cross entropy of logits, smaller where the prediction is
// already good: alpha_t (1 - p_t)^gamma times it, where p_t is the probability of
// the target and alpha_t is alpha for target 1, 1 - alpha for 0 (Lin et al. 2017).
//
// Reference: torchvision.ops.sigmoid_focal_loss, whose reduction is "none" unless
// given. Keras' BinaryFocalCrossentropy applies alpha only on request.
block focal_loss(alpha = 0.25, gamma = 2.0, reduction = "mean") {
    input x      [...]
    input target [...]
    p   = sigmoid(x)
    off = p + target - 2 * p * target
    y   = pow(off, gamma) * binary_cross_entropy_with_logits(x, target, reduction = "none")
    output reduce_loss(y * (alpha * target + (1 - alpha) * (1 - target)), reduction)
}

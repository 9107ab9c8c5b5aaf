edition 1

// triplet_margin_loss is max(0, margin + d(anchor, positive) - d(anchor, negative)),
// where d is the p-norm over the last axis of the difference plus eps (Balntas et
// al. 2016). With swap the distance to the negative is the smaller of the anchor's
// and the positive's.
//
// Reference: torch.nn.functional.triplet_margin_loss.
block triplet_margin_loss(margin = 1.0, p = 2, eps = 1e-6, swap = false, reduction = "mean") {
    input anchor   [...]
    input positive [...]
    input negative [...]
    near = norm(anchor - positive + eps, p, axis = -1)
    far  = norm(anchor - negative + eps, p, axis = -1)
    if swap {
        far = min(far, norm(positive - negative + eps, p, axis = -1))
    }
    output reduce_loss(max(0, margin + near - far), reduction)
}

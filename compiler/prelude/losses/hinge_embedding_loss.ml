edition 1

// hinge_embedding_loss is x where the target is 1 and max(0, margin - x) where it
// is -1: x is a distance.
//
// Reference: torch.nn.functional.hinge_embedding_loss.
func hinge_embedding_loss(x, target, margin = 1.0, reduction = "mean") = reduce_loss(where(target != -1, x, 0) + where(target != 1, max(0, margin - x), 0), reduction)

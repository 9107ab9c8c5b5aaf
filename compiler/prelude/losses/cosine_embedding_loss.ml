edition 1

// cosine_embedding_loss is 1 - cos(a, b) where the target is 1 and
// max(0, cos(a, b) - margin) where it is -1; the vectors lie along the last axis.
//
// Reference: torch.nn.functional.cosine_embedding_loss, which adds 1e-12 to the
// squared lengths. Keras' CosineSimilarity has no target, and the opposite sign.
func cosine_embedding_loss(a, b, target, margin = 0.0, reduction = "mean") = reduce_loss(angles(cosine(a, b), target, margin), reduction)

func cosine(a, b) = sum(a * b, axis = -1) / sqrt((sum(a * a, axis = -1) + 1e-12) * (sum(b * b, axis = -1) + 1e-12))

func angles(cos_, target, margin) = where(target == 1, 1 - cos_, 0) + where(target == -1, max(0, cos_ - margin), 0)

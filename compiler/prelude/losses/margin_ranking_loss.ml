edition 1

// margin_ranking_loss is max(0, margin - target * (a - b)): a target of 1 wants a
// above b, -1 below.
//
// Reference: torch.nn.functional.margin_ranking_loss.
func margin_ranking_loss(a, b, target, margin = 0.0, reduction = "mean") = reduce_loss(max(0, margin - target * (a - b)), reduction)

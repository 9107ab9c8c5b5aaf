edition 1

// softmin is softmax(-x) along axis, the last one unless given.
//
// Reference: torch.nn.functional.softmin, whose axis has no default.
func softmin(x, axis = -1) = softmax(-x, axis)

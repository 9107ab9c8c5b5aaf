edition 1

// relu6 is the rectified linear unit cut off at 6: min(max(x, 0), 6).
//
// Reference: torch.nn.functional.relu6. Its derivative is 0 at 0 and at 6.
func relu6(x) = min(max(x, 0), 6)

edition 1

// relu is max(x, 0) (torch.nn.functional.relu). Its gradient at 0 is 0.
func relu(x) = where(x > 0, x, 0)

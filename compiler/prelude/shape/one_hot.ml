edition 1

// one_hot appends an axis of that many classes, 1 at the class and 0 elsewhere. A
// class out of range gives zeros.
//
// Reference: torch.nn.functional.one_hot, which gives int64 and guesses the number
// of classes unless given.
func one_hot(x, classes, dtype = float32) = cast(reshape(x, shape(x) + [1]) == cast(arange(classes), dtype_of(x)), dtype)

func dtype_of(x) = dtype(x)

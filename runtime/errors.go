package mlrt

import "errors"

// The kinds of errors that callers may test for with errors.Is.
var (
	// ErrShape: a slice or tensor of the wrong length, shape or dtype.
	ErrShape = errors.New("wrong shape")
	// ErrWeights: a weights file that is damaged, too large, or of another model.
	ErrWeights = errors.New("unusable weights file")
	// ErrNotFinite: a loss that is NaN or infinite.
	ErrNotFinite = errors.New("loss is not finite")
)

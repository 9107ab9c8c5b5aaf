// Package data reads data sets from files (IDX, CIFAR-10 binary, images, WAV, text,
// CSV) or memory into sets of named columns, splits and shuffles them, and
// preprocesses samples as they are batched.
//
// It knows nothing of models: it imports the standard library and the runtime
// alone, because the programs that `mlc train` builds link it without a network.
// Its invariant is that equal files and options give equal samples, in equal
// order, with equal bits, on every machine. What a file says is never believed
// before it is checked, and every error names the file and the place in it.
package data

import (
	"errors"
	"fmt"
)

// ErrData means a file whose content is damaged, not of its format, or not usable as
// told. Errors of the file system do not wrap it.
var ErrData = errors.New("unusable data")

// bad returns an error about the content of a file.
func bad(file, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrData, file, fmt.Sprintf(format, args...))
}

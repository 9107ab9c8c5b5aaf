package train

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFile replaces a file as a whole, making its folder when it is missing.
// The previous generation stays beside it. Errors wrap ErrSave.
func writeFile(name string, write func(io.Writer) error) error {
	err := os.MkdirAll(filepath.Dir(name), 0o777)
	if err == nil {
		err = WriteFileAtomic(Disk, name, write)
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrSave, name, err)
	}
	return nil
}

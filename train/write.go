package train

import (
	"io"
	"os"
	"path/filepath"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// writeFile replaces a file as a whole, making its folder when it is missing.
// The previous generation stays beside it.
func writeFile(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return mlrt.WriteFileAtomic(mlrt.Disk, name, write)
}

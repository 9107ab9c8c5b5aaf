package train

import (
	"io"
	"os"
	"path/filepath"
)

// previousSuffix marks the previous generation of a file.
const previousSuffix = ".prev"

// writeFile replaces a file as a whole: temporary file, sync, rename. The
// previous generation stays beside it.
func writeFile(name string, write func(io.Writer) error) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".mlc-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(name); err == nil {
		if err := os.Rename(name, name+previousSuffix); err != nil {
			return err
		}
	}
	return os.Rename(f.Name(), name)
}

package train

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFile lies in a run's folder; who holds it open and locked writes there.
const lockFile = ".lock"

// occupy makes a run's folder and keeps other runs out of it until release, or
// until the process ends, however it ends.
func occupy(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrSave, dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrSave, dir, err)
	}
	if !lock(f) {
		f.Close()
		return nil, fmt.Errorf("%w %s: another run is writing there; -o names a folder of its own", ErrSave, dir)
	}
	return func() { f.Close() }, nil // which unlocks it
}

//go:build unix && !solaris && !illumos && !aix

package train

import (
	"errors"
	"os"
	"syscall"
)

// lock locks an open file for this process alone; false means that another has it.
// A file system that knows no locks does not keep anybody out.
func lock(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}

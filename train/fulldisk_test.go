//go:build linux

package train

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk saves generations on a disk of its own, a megabyte large, until
// and after it is full: the newest generation that was saved loads, whatever the
// writes of the next ones came to.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	name := filepath.Join(dir, "run", "ck")
	if err := os.Mkdir(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	s := inFolder{Disk, dir}
	filler := 0
	full := 0
	for generation, newest := 1, 0; generation <= 12; generation++ {
		if generation%3 == 0 { // others fill the disk, to the last byte in the end
			filler += 64 << 10
			if generation > 6 {
				filler = 1 << 20
			}
			if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, filler), 0o666); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		switch err := save(s, generation); {
		case err == nil:
			newest = generation
		case errors.Is(err, syscall.ENOSPC):
			full++
		default:
			t.Fatal(err)
		}
		if got, err := load(s); err != nil || got != newest {
			t.Fatalf("after generation %d, %d loads, want %d: %v", generation, got, newest, err)
		}
		if _, err := os.Stat(name + temporarySuffix); err == nil {
			t.Errorf("generation %d: a temporary file takes space", generation)
		}
	}
	if full == 0 || full == 12 {
		t.Errorf("%d of 12 saves found a full disk", full)
	}
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	if err := save(s, 13); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if got, err := load(s); got != 13 || err != nil {
		t.Errorf("with space again %d loads: %v", got, err)
	}
}

// inFolder puts another file system's names below a folder.
type inFolder struct {
	s   Storage
	dir string
}

func (f inFolder) at(name string) string                   { return filepath.Join(f.dir, name) }
func (f inFolder) Create(name string) (WriteSyncer, error) { return f.s.Create(f.at(name)) }
func (f inFolder) Open(name string) (io.ReadCloser, error) { return f.s.Open(f.at(name)) }
func (f inFolder) Rename(from, to string) error            { return f.s.Rename(f.at(from), f.at(to)) }
func (f inFolder) Remove(name string) error                { return f.s.Remove(f.at(name)) }
func (f inFolder) SyncDir(dir string) error                { return f.s.SyncDir(f.at(dir)) }

package train

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Suffixes of the files beside a file that WriteFileAtomic writes.
const (
	PreviousSuffix  = ".prev" // the generation before
	temporarySuffix = ".tmp"  // a generation being written
)

// Storage is what atomic files need of a file system. Disk is the real one;
// tests have others, in which every call may fail.
type Storage interface {
	Create(name string) (WriteSyncer, error) // truncates an existing file
	Open(name string) (io.ReadCloser, error)
	Rename(from, to string) error // replaces to
	Remove(name string) error
	SyncDir(dir string) error // makes renames in dir last
}

// WriteSyncer is a file being written.
type WriteSyncer interface {
	io.Writer
	Sync() error
	Close() error
}

// Disk is the operating system's file system.
var Disk Storage = disk{}

type disk struct{}

func (disk) Create(name string) (WriteSyncer, error) { return os.Create(name) }
func (disk) Open(name string) (io.ReadCloser, error) { return os.Open(name) }
func (disk) Rename(from, to string) error            { return os.Rename(from, to) }
func (disk) Remove(name string) error                { return os.Remove(name) }

func (disk) SyncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" || runtime.GOOS == "wasip1" || runtime.GOOS == "plan9" {
		return nil // folders cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteFileAtomic replaces a file as a whole. The new content is written to a
// temporary file in the same folder and synced; then the old file becomes
// name+PreviousSuffix and the new one takes its place. Whatever fails, and
// wherever the process or the machine stops, the newest or the previous generation
// is whole. One process at a time may write a name.
func WriteFileAtomic(s Storage, name string, write func(io.Writer) error) error {
	temporary := name + temporarySuffix
	if err := writeSynced(s, temporary, write); err != nil {
		// The disk may be full: give the space back. The first error is the cause.
		_ = s.Remove(temporary)
		return err
	}
	// Without a current file the previous generation is the only one: keep it.
	if err := s.Rename(name, name+PreviousSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.Rename(temporary, name); err != nil {
		return err
	}
	return s.SyncDir(filepath.Dir(name))
}

func writeSynced(s Storage, name string, write func(io.Writer) error) (err error) {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// openNewest reads a safetensors file that WriteFileAtomic wrote, or its
// previous generation when the file is missing or damaged. Then fallback says
// what was wrong with the newest one; err means that neither is whole.
func openNewest(s Storage, name string) (f *mlrt.File, fallback, err error) {
	f, err = openFile(s, name)
	if err == nil {
		return f, nil, nil
	}
	f, older := openFile(s, name+PreviousSuffix)
	switch {
	case older == nil:
		return f, err, nil
	case errors.Is(older, fs.ErrNotExist):
		return nil, nil, err
	}
	return nil, nil, errors.Join(err, older)
}

func openFile(s Storage, name string) (*mlrt.File, error) {
	r, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := mlrt.ReadFile(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

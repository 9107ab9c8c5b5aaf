package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// outFile is a file to write, complete in memory.
type outFile struct {
	path string
	text []byte
}

// writeAll writes the files, all or none as far as a file system allows: every
// text is on disk under a temporary name before the first is renamed. Files that
// hold the text already are left alone, so their times do not change. An interrupt
// before the first is renamed leaves all files as they were. It returns the paths
// written.
func writeAll(ctx context.Context, files []outFile) (written []string, err error) {
	type pending struct{ temp, path string }
	var todo []pending
	defer func() {
		for _, p := range todo {
			os.Remove(p.temp)
		}
	}()
	for _, f := range files {
		old, err := os.ReadFile(f.path)
		if err == nil && bytes.Equal(old, f.text) {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, failure(err)
		}
		if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
			return nil, failure(err)
		}
		temp, err := writeTemp(f)
		if temp != "" {
			todo = append(todo, pending{temp, f.path})
		}
		if err != nil {
			return nil, failure(err)
		}
	}
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	for len(todo) > 0 {
		if err := os.Rename(todo[0].temp, todo[0].path); err != nil {
			return written, failure(err)
		}
		written = append(written, todo[0].path)
		todo = todo[1:]
	}
	return written, nil
}

// writeTemp writes a file's text beside its place and returns the name there,
// also when it fails half-way.
func writeTemp(f outFile) (string, error) {
	mode := fs.FileMode(0o666)
	if st, err := os.Stat(f.path); err == nil {
		mode = st.Mode().Perm()
		// A file that may not be written must not be replaced either.
		w, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		w.Close()
	}
	temp := filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".mlc-tmp")
	w, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return "", err
	}
	_, err = w.Write(f.text)
	return temp, errors.Join(err, w.Close())
}

package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	mlc "github.com/mlc-go/mlc"
)

// copiedRuntime is the folder of the runtime's copy below a generated package.
const copiedRuntime = "internal/mlrt"

// standalone returns a copy of the runtime for a package in dir, so that the
// package depends on the standard library alone, and the copy's import path.
func standalone(dir string) (runtimePath string, out []outFile, err error) {
	at, err := importPath(dir)
	if err != nil {
		return "", nil, err
	}
	entries, err := fs.ReadDir(mlc.Sources, "runtime")
	if err != nil {
		return "", nil, failure(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := fs.ReadFile(mlc.Sources, path.Join("runtime", e.Name()))
		if err != nil {
			return "", nil, failure(err)
		}
		text = append([]byte(copyHeader+"\n\n"), text...)
		out = append(out, outFile{filepath.Join(dir, filepath.FromSlash(copiedRuntime), e.Name()), text})
	}
	return path.Join(at, copiedRuntime), out, nil
}

// importPath returns the import path of a folder: that of the module around it
// and the way down.
func importPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", failure(err)
	}
	for root := abs; ; root = filepath.Dir(root) {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil {
			rel, err := filepath.Rel(root, abs)
			if err != nil {
				return "", failure(err)
			}
			return path.Join(moduleOf(text), filepath.ToSlash(rel)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", failure(err)
		}
		if root == filepath.Dir(root) {
			return "", usage("--standalone needs a Go module around %s: run go mod init", dir)
		}
	}
}

// moduleOf returns the module path that a go.mod file declares.
func moduleOf(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" {
			return strings.Trim(f[1], "\"`")
		}
	}
	return ""
}

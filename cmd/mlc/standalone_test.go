package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStandalone: a package with the copied runtime builds in a module that
// requires nothing.
func TestStandalone(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "sub", "net")
	if _, _, err := standalone(dir); err == nil || !strings.Contains(err.Error(), "go mod init") {
		t.Errorf("without a module: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.com/user // comment\n\ngo 1.26.0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	runtime, files, err := standalone(dir)
	if err != nil {
		t.Fatal(err)
	}
	if runtime != "example.com/user/sub/net/internal/mlrt" {
		t.Errorf("the copy's import path is %s", runtime)
	}
	for _, f := range files {
		if !isGenerated(f.text) {
			t.Errorf("%s lacks the header by which mlc knows its files", f.path)
		}
	}
	text := "package net\n\nimport mlrt \"" + runtime + "\"\n\nconst _ = mlrt.ABI1\n"
	files = append(files, outFile{filepath.Join(dir, "net_ml.go"), []byte(text)})
	if _, err := writeAll(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	goCommand(t, root, []string{"GOFLAGS=-mod=mod", "GOPROXY=off"}, "vet", "./...")
	if deps := goCommand(t, root, nil, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./sub/net"); strings.Contains(deps, "mlc-go") {
		t.Errorf("the package depends on %s", deps)
	}
}

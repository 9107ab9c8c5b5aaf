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
	if _, err := standalone(dir, nil); err == nil || !strings.Contains(err.Error(), "go mod init") {
		t.Errorf("without a module: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.com/user // comment\n\ngo 1.26.0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	text := "package net\n\nimport mlrt \"" + runtimePath + "\"\n\nconst _ = mlrt.ABI1\n"
	files, err := standalone(dir, []outFile{{filepath.Join(dir, "net_ml.go"), []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.path, copiedRuntime) && !isGenerated(f.text) {
			t.Errorf("%s lacks the header by which mlc knows its files", f.path)
		}
	}
	if _, err := writeAll(files); err != nil {
		t.Fatal(err)
	}
	goCommand(t, root, []string{"GOFLAGS=-mod=mod", "GOPROXY=off"}, "vet", "./...")
	if deps := goCommand(t, root, nil, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./sub/net"); strings.Contains(deps, "mlc-go") {
		t.Errorf("the package depends on %s", deps)
	}
}

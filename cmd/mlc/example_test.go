package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleModule walks through examples/digits in a copy: go generate with
// mlc as that module's tool, then its own tests, which train, save, load and
// predict.
func TestExampleModule(t *testing.T) {
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repo, "examples", "digits"))); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "digits", "*_ml*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off"}
	goCommand(t, dir, env, "mod", "edit", "-replace", modulePath+"="+repo)
	goCommand(t, dir, env, "generate", "./...")
	goCommand(t, dir, env, "vet", "./...")
	if out := goCommand(t, dir, env, "test", "./..."); !strings.Contains(out, "ok") {
		t.Errorf("go test said %s", out)
	}
}

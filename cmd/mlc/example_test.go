package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// TestExampleModule walks through an example in a copy: go generate with mlc as
// that module's tool, then its own tests, which train, save, load, predict and
// serve.
func TestExampleModule(t *testing.T) {
	for name, net := range map[string]string{"digits": "digits", "service": "net"} {
		t.Run(name, func(t *testing.T) {
			dir, env := exampleModule(t, name, net)
			if out := goCommand(t, dir, env, "test", "./..."); !strings.Contains(out, "ok") {
				t.Errorf("go test said %s", out)
			}
		})
	}
}

// TestLongSoak drives examples/service for half a minute under the race detector.
func TestLongSoak(t *testing.T) {
	refdata.Long(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("the race detector needs gcc")
	}
	dir, env := exampleModule(t, "service", "net")
	out := goCommand(t, dir, append(env, "MLC_SOAK=30s", "CGO_ENABLED=1"), "test", "-race", "-run", "TestSoak", "-v", ".")
	t.Log(out)
}

// exampleModule copies an example and generates the package in its folder net.
func exampleModule(t *testing.T, name, net string) (dir string, env []string) {
	t.Helper()
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repo, "examples", name))); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(dir, net, "*_ml*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	env = []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off"}
	goCommand(t, dir, env, "mod", "edit", "-replace", modulePath+"="+repo)
	goCommand(t, dir, env, "generate", "./...")
	goCommand(t, dir, env, "vet", "./...")
	return dir, env
}

package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mlc-go/mlc/internal/refdata"
)

const (
	modulePath    = "github.com/mlc-go/mlc"
	moduleVersion = "v0.1.0"
)

// TestLongModuleProxy walks a user's road with no network: the module, packed
// into a file:// proxy, is a tool of another module that generates, builds,
// vendors and tests a model with it.
func TestLongModuleProxy(t *testing.T) {
	refdata.Long(t)
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	packModule(t, repo, proxy)
	user := t.TempDir()
	unpack(t, filepath.Join("testdata", "module.txtar"), user)
	goCommand(t, repo, nil, "mod", "download")      // also what only other systems need
	goCommand(t, repo, nil, "mod", "tidy", "-diff") // and what tidy reads: the tests of the tests' modules
	downloads := filepath.Join(strings.TrimSpace(goCommand(t, repo, nil, "env", "GOMODCACHE")), "cache", "download")
	env := []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy) + ",file://" + filepath.ToSlash(downloads),
		"GOMODCACHE=" + t.TempDir(), "GOSUMDB=off", "GOFLAGS=-modcacherw", "GOWORK=off", "GOTOOLCHAIN=local",
	}
	for _, args := range [][]string{
		{"get", "-tool", modulePath + "/cmd/mlc@" + moduleVersion},
		{"generate", "./..."},
		{"mod", "tidy"},
		{"build", "./..."},
		{"test", "./..."},
		{"mod", "vendor"},
		{"build", "-mod=vendor", "./..."},
		{"tool", "mlc", "build", "--check", "./..."},
	} {
		out := goCommand(t, user, env, args...)
		if args[0] == "test" && !strings.Contains(out, "ok") {
			t.Errorf("go test said %s", out)
		}
	}
}

// goCommand runs the go command in dir and returns its output.
func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// unpack writes an archive's files below dir.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, tree); err != nil {
		t.Fatal(err)
	}
}

// packModule writes the module as a module proxy serves it.
func packModule(t *testing.T, repo, proxy string) {
	t.Helper()
	dir := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list": moduleVersion + "\n", moduleVersion + ".mod": string(mod),
		moduleVersion + ".info": fmt.Sprintf("{\"Version\":%q}\n", moduleVersion),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(dir, moduleVersion+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	if err := zipModule(z, repo); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// zipModule adds the files of the module in repo, without nested modules and
// hidden folders.
func zipModule(z *zip.Writer, repo string) error {
	return filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(repo, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if rel != "." && (nested == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "vendor" || rel == "runs") {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || rel == "mlc" {
			return nil
		}
		w, err := z.Create(modulePath + "@" + moduleVersion + "/" + filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
}

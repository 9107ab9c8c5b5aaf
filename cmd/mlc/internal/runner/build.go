// Package runner builds and runs the throw-away program in which mlc trains,
// evaluates and asks a model: the generated package, copies of runtime, data and
// train, and a main of three lines, in a temporary module that needs no network.
//
// It knows files and processes, and neither the language nor data. A built
// program is kept in the user's cache under a hash of everything that went into
// it, so the second run of a model starts at once.
package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ErrNoGo: the Go toolchain is not installed.
var ErrNoGo = errors.New("the go command was not found: training, evaluation and prediction compile the model with it (https://go.dev/dl)")

// File is a file of the generated package. Name has no folder.
type File struct {
	Name string
	Text []byte
}

const (
	goMod    = "module github.com/mlc-go/mlc\n\ngo 1.26.0\n"
	mainFile = `package main

import (
	"os"

	"github.com/mlc-go/mlc/model"
	"github.com/mlc-go/mlc/train"
)

func main() { os.Exit(train.Main(model.Generated(), os.Stdin, os.Stdout)) }
`
)

// Package is the name that the generated package must have.
const Package = "model"

// keepPrograms is how many built programs the cache holds.
const keepPrograms = 32

// CacheDir returns the folder of mlc's cache: $MLC_CACHE, or mlc below the
// user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("MLC_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache, set MLC_CACHE: %w", err)
	}
	return filepath.Join(dir, "mlc"), nil
}

// Build returns the path of the program for the generated files, compiling it
// when the cache does not hold it. sources holds the packages runtime, data and
// train under these names. compiling is called before a compilation starts.
func Build(ctx context.Context, sources fs.FS, generated []File, compiling func()) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", ErrNoGo
	}
	tree, err := layOut(sources, generated)
	if err != nil {
		return "", err
	}
	version, err := output(ctx, goTool, "", "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cache, "bin")
	program := filepath.Join(bin, hash(version, tree)+exeSuffix())
	if _, err := os.Stat(program); err == nil {
		now := time.Now()
		os.Chtimes(program, now, now) // best effort: says that it is in use
		return program, nil
	}
	compiling()
	if err := compile(ctx, goTool, bin, program, tree); err != nil {
		return "", err
	}
	prune(bin)
	return program, nil
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// layOut returns the module's files, sorted by name.
func layOut(sources fs.FS, generated []File) ([]File, error) {
	tree := []File{{"go.mod", []byte(goMod)}, {"main.go", []byte(mainFile)}}
	for _, f := range generated {
		if strings.HasSuffix(f.Name, "_test.go") {
			continue
		}
		tree = append(tree, File{path.Join(Package, f.Name), f.Text})
	}
	err := fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(sources, name)
		tree = append(tree, File{name, text})
		return err
	})
	slices.SortFunc(tree, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return tree, err
}

// hash names the program by everything that decides its bytes.
func hash(version string, tree []File) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", version, runtime.GOOS, runtime.GOARCH)
	for _, f := range tree {
		fmt.Fprintf(h, "%q %d\n", f.Name, len(f.Text))
		h.Write(f.Text)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// compile builds the program in a folder of its own and moves it to its place,
// so that two runs at once do not meet.
func compile(ctx context.Context, goTool, bin, program string, tree []File) error {
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp(bin, "build-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, f := range tree {
		name := filepath.Join(work, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Text, 0o666); err != nil {
			return err
		}
	}
	made := "program" + exeSuffix()
	// Without paths and symbols the packages are compiled once for all models.
	if _, err := output(ctx, goTool, work, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", made, "."); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, made), program)
}

// output runs the go command where no network and no setting of the user's
// module can reach it.
func output(ctx context.Context, goTool, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, goTool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOTOOLCHAIN=local",
		"GO111MODULE=on", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// prune removes the programs that were not used for longest. It is best effort.
func prune(bin string) {
	entries, err := os.ReadDir(bin)
	if err != nil {
		return
	}
	type program struct {
		name string
		used time.Time
	}
	var programs []program
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			programs = append(programs, program{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(programs, func(a, b program) int { return b.used.Compare(a.used) })
	for _, p := range programs[min(keepPrograms, len(programs)):] {
		os.Remove(filepath.Join(bin, p.name))
	}
}

package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// sources stand for the packages that a program links: a train.Main that says
// its job back and waits for the end of its input.
var sources = fstest.MapFS{
	"train/train.go": {Data: []byte(`package train

import (
	"bufio"
	"fmt"
	"io"
)

func Main(name string, stdin io.Reader, stdout io.Writer) int {
	in := bufio.NewReader(stdin)
	job, _ := in.ReadString('\n')
	fmt.Fprintf(stdout, "model %s\njob %s", name, job)
	if job == "crash\n" {
		panic("on purpose")
	}
	if job == "wait\n" {
		io.Copy(io.Discard, in)
		fmt.Fprintln(stdout, "stopped")
		return 130
	}
	return 0
}
`)},
	"train/train_test.go": {Data: []byte("package nonsense")},
}

func generated(name string) []File {
	return []File{
		{"net_ml.go", []byte("package model\n\nfunc Generated() string { return \"" + name + "\" }\n")},
		{"net_ml_test.go", []byte("package nonsense")},
	}
}

func TestBuildAndRun(t *testing.T) {
	t.Setenv("MLC_CACHE", t.TempDir())
	ctx := context.Background()
	compiled := 0
	build := func(name string) string {
		t.Helper()
		program, err := Build(ctx, sources, generated(name), func() { compiled++ })
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	program := build("a")
	if again := build("a"); again != program || compiled != 1 {
		t.Errorf("the second build of the same files compiled again: %d compilations", compiled)
	}
	if other := build("b"); other == program || compiled != 2 {
		t.Errorf("other files did not compile a program of their own")
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("MLC_CACHE"), "bin", "build-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("folders left behind: %v %v", left, err)
	}

	t.Run("lines", func(t *testing.T) {
		var lines []string
		code, err := Run(ctx, program, []byte("hello"), func(l []byte) error {
			lines = append(lines, string(l))
			return nil
		})
		if want := []string{"model a", "job hello"}; code != 0 || err != nil || !slices.Equal(lines, want) {
			t.Errorf("code %d, error %v, lines %q", code, err, lines)
		}
	})
	t.Run("stop", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		last := ""
		code, err := Run(ctx, program, []byte("wait"), func(l []byte) error {
			last = string(l)
			if last == "job wait" {
				cancel()
			}
			return nil
		})
		if code != 130 || err != nil || last != "stopped" {
			t.Errorf("code %d, error %v, last line %q", code, err, last)
		}
	})
	t.Run("reader fails", func(t *testing.T) {
		full := errors.New("disk full")
		if _, err := Run(ctx, program, []byte("wait"), func([]byte) error { return full }); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("crash", func(t *testing.T) {
		_, err := Run(ctx, program, []byte("crash"), func([]byte) error { return nil })
		var crash *CrashError
		if !errors.As(err, &crash) || !strings.Contains(crash.Stderr, "on purpose") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("compile error", func(t *testing.T) {
		files := []File{{"net_ml.go", []byte("package model\n\nfunc Generated() string { return 1 }\n")}}
		if _, err := Build(ctx, sources, files, func() {}); err == nil || !strings.Contains(err.Error(), "net_ml.go:3") {
			t.Errorf("error %v does not show the compiler's message", err)
		}
	})
	t.Run("no go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Build(ctx, sources, generated("a"), func() {}); !errors.Is(err, ErrNoGo) {
			t.Errorf("error %v", err)
		}
	})
}

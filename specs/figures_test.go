package specs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/internal/refdata"
)

// fastest returns the shortest of some runs: the others tell about the machine. It
// runs f up to four times as often while all take longer than they may.
func fastest(runs int, may time.Duration, f func()) time.Duration {
	best := time.Duration(1 << 62)
	for n := 0; n < runs || n < 4*runs && best > may; n++ {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	return best
}

// TestTimesOfCompiling holds the compiler to the times that a user waits for.
func TestTimesOfCompiling(t *testing.T) {
	refdata.Long(t)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the command does
	lint := fastest(20, 20*time.Millisecond, func() {
		if _, diags, err := compiler.Lint(compiler.Options{File: "gpt/net.ml"}); err != nil || len(diags) > 0 {
			t.Fatal(diags, err)
		}
	})
	t.Logf("lint of gpt: %v", lint)
	if lint > 20*time.Millisecond {
		t.Errorf("lint of gpt takes %v, want at most 20 ms", lint)
	}
	for _, c := range []struct {
		name string
		want time.Duration
	}{{"mlp", 200 * time.Millisecond}, {"gpt", 2 * time.Second}, {"resnet18", 2 * time.Second}, {"unet", 2 * time.Second}, {"clip", 2 * time.Second}} {
		took := fastest(3, c.want, func() { generate(t, filepath.Join(c.name, "net.ml"), nil, c.name) })
		t.Logf("build of %s: %v", c.name, took)
		if took > c.want {
			t.Errorf("build of %s takes %v, want at most %v", c.name, took, c.want)
		}
	}
}

// TestTimesOfPackages generates all networks at full size into one module and builds
// it, within the time that a user waits for.
func TestTimesOfPackages(t *testing.T) {
	refdata.Long(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), []byte("module full\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n"))
	goCommand := func(args ...string) time.Duration {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return time.Since(start)
	}
	goCommand("build", "github.com/mlc-go/mlc/runtime")
	var total time.Duration
	for _, s := range specs {
		source, assembly := 0, 0
		for _, f := range generate(t, s.file(), nil, s.name) {
			if strings.HasSuffix(f.Name, ".s") {
				assembly += len(f.Data)
			} else {
				source += len(f.Data)
			}
			write(t, filepath.Join(dir, s.name, f.Name), f.Data)
		}
		took := goCommand("build", "./"+s.name)
		total += took
		t.Logf("%s: %d bytes of Go, %d of assembly, go build %v", s.name, source, assembly, took.Round(time.Millisecond))
		if took > 8*time.Second {
			t.Errorf("go build of %s takes %v, want at most 8 s", s.name, took)
		}
	}
	if total > time.Minute {
		t.Errorf("go build of all takes %v, want at most a minute", total)
	}
	goCommand("vet", "./...")
}

// sourceSize is the size of a package's Go files: all that is generated but
// assembly itself.
func sourceSize(t *testing.T, file string, set map[string]string, o codegen.Options) (n int) {
	t.Helper()
	files, err := codegen.Generate(compile(t, file, set).Loop, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name, ".s") {
			n += len(f.Data)
		}
	}
	return n
}

// TestEqualLayers requires that equal layers cost one copy of code.
func TestEqualLayers(t *testing.T) {
	two, twelve := sourceSize(t, "gpt/net.ml", map[string]string{"layers": "2"}, codegen.Options{}), sourceSize(t, "gpt/net.ml", map[string]string{"layers": "12"}, codegen.Options{})
	t.Logf("gpt with 2 layers: %d bytes of Go, with 12: %d", two, twelve)
	if float64(twelve) > 1.5*float64(two) {
		t.Errorf("gpt with 12 layers has %d bytes of Go, that with 2 has %d", twelve, two)
	}
}

// TestSourceSizes holds the generated packages to their sizes.
func TestSourceSizes(t *testing.T) {
	const most = 300_000
	for _, s := range specs {
		n := sourceSize(t, s.file(), nil, codegen.Options{})
		t.Logf("%s: %d bytes of Go", s.name, n)
		if n > most {
			t.Errorf("%s has %d bytes of Go, more than %d", s.name, n, most)
		}
	}
}

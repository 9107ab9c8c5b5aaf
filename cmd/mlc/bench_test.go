package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// output runs mlc and returns its standard output.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Fatalf("mlc %v: exit code %d\n%s", args, code, stderr.String())
	}
	return stdout.String()
}

func benched(t *testing.T, args ...string) train.Benched {
	t.Helper()
	line := output(t, append([]string{"bench", "--format", "json", "--seconds", "0.1"}, args...)...)
	e, err := train.DecodeEvent([]byte(strings.TrimSpace(line)))
	if err != nil {
		t.Fatal(err)
	}
	return e.(train.Benched)
}

// targets are the code paths of this machine.
func targets() []string {
	list := []string{"go"}
	if mlrt.HasAVX2 {
		list = append(list, "avx2")
	}
	if mlrt.HasAVX512 {
		list = append(list, "avx512")
	}
	return list
}

// TestBench checks the measurement of the classifier: what a step computes, the
// fields of a line, and that it allocates nothing and stays small.
func TestBench(t *testing.T) {
	line := output(t, "bench", spec("mlp"), "--format", "json", "--seconds", "0.1", "--batch", "64", "--threads", "1")
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"step_us_median", "step_us_min", "samples_per_second", "gflops", "peak_gflops", "peak_share", "bound_us", "rss_bytes"} {
		if v, ok := fields[name].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v", name, fields[name])
		}
	}
	if fields["allocs_per_step"].(float64) >= 0.1 { // the process's own, such as the collector's
		t.Errorf("%v allocations a step", fields["allocs_per_step"])
	}
	if fields["rss_bytes"].(float64) > 10<<20 {
		t.Errorf("the process took %v bytes", fields["rss_bytes"])
	}
	b := benched(t, spec("mlp"), "--batch", "64", "--threads", "1")
	// Two products of 784x128 and three of 128x10 for a sample, two operations each.
	want := 64.0 * 2 * (2*784*128 + 3*128*10) / 1e3 // in 10^3, as GFLOP/s times microseconds
	if have := float64(b.Bound * b.PeakGflops); have < 0.999*want || have > 1.001*want {
		t.Errorf("a step computes %.0f thousand operations, want %.0f", have, want)
	}
	lines, micros := 0, 0.0
	for _, k := range b.Kernels {
		if k.Line > 0 && k.Calls > 0 && k.Micros > 0 && k.Gflops > 0 {
			lines++
		}
		micros += float64(k.Micros)
	}
	if lines < 5 {
		t.Errorf("five kernels have products, with line and rate are %d: %v", lines, b.Kernels)
	}
	if half := float64(b.StepMedian) / 2; micros < half {
		t.Errorf("the kernels take %.1f µs, the step %.1f", micros, float64(b.StepMedian))
	}
	small := benched(t, spec("mlp"), "--batch", "64", "--set", "hidden=64", "--threads", "1")
	if ratio := float64(b.Bound*b.PeakGflops) / float64(small.Bound*small.PeakGflops); ratio < 1.99 || ratio > 2.01 {
		t.Errorf("half the units have 1/%.2f of the work", ratio)
	}
	table := output(t, "bench", spec("mlp"), "--seconds", "0.1", "--mode", "infer", "--batch", "8")
	if !regexp.MustCompile(`(?s)forward \(infer\), batch 8, .*GFLOP/s, \d+% of this machine's.*fc1Forward +line 7 .*#+ .* GFLOP/s\n`).MatchString(table) {
		t.Errorf("the table for people:\n%s", table)
	}
}

// TestBenchTarget forces each code path in turn.
func TestBenchTarget(t *testing.T) {
	for _, target := range targets() {
		for _, mode := range []string{"train", "infer"} {
			if b := benched(t, spec("mlp"), "--batch", "8", "--threads", "1", "--mode", mode, "--target", target); b.Target != target || b.Steps == 0 {
				t.Errorf("--target %s --mode %s ran %s, %d times", target, mode, b.Target, b.Steps)
			}
		}
	}
	best := targets()[len(targets())-1]
	if b := benched(t, spec("mlp"), "--batch", "8"); b.Target != best {
		t.Errorf("by default %s ran, this machine has %s", b.Target, best)
	}
}

// TestLongSameBits trains on every code path with one, two and three threads: the
// weights must be the same bytes.
func TestLongSameBits(t *testing.T) {
	refdata.Long(t)
	for name, args := range map[string][]string{"mlp": {"--steps", "150"}, "lenet": {"--steps", "20"}, "mnist_fast": {"--steps", "100", "--scale", "channels"}} {
		var want []byte
		for _, target := range targets() {
			for _, threads := range []string{"1", "2", "3"} {
				dir := t.TempDir()
				output(t, append([]string{"train", spec(name), "-o", dir, "--format", "json", "--target", target, "--threads", threads}, args...)...)
				have, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = have
				}
				if !bytes.Equal(have, want) {
					t.Errorf("%s: %s with %s threads left other weights than plain Go with one", name, target, threads)
				}
			}
		}
	}
}

// TestLongReport requires that every kernel of the example networks has assembly
// for both targets of amd64, but for sorts.
func TestLongReport(t *testing.T) {
	refdata.Long(t)
	files, err := filepath.Glob("../../specs/*/net.ml")
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		report := output(t, "build", file, "-o", t.TempDir(), "--report")
		if !strings.Contains(report, "in plain Go on amd64: ") || !strings.Contains(report, "avx512") || !strings.Contains(report, "tile of ") || !strings.Contains(report, "arena of ") {
			t.Errorf("%s: no report:\n%.500s", file, report)
		}
		for line := range strings.Lines(report) {
			if strings.Contains(line, "plain Go:") && !strings.Contains(line, "plain Go: a sort") {
				t.Errorf("%s: %s", file, strings.TrimSpace(line))
			}
		}
	}
}

// TestTimesOfBuilding measures what a user waits for: the whole command, and the
// go command on the classifier's package, with the standard library built and without.
func TestTimesOfBuilding(t *testing.T) {
	refdata.Long(t)
	dir := t.TempDir()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "mlc")
	goCommand(t, repo, nil, "build", "-o", exe, "./cmd/mlc")
	shortest := time.Hour
	for range 5 {
		begin := time.Now()
		if out, err := exec.Command(exe, "build", spec("mlp"), "-o", filepath.Join(dir, "mlp")).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		shortest = min(shortest, time.Since(begin))
	}
	mod := "module user\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => " + repo + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	cache := []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOCACHE=" + filepath.Join(dir, "cache")}
	begin := time.Now()
	goCommand(t, dir, cache, "build", "./mlp")
	empty := time.Since(begin)
	if err := os.CopyFS(filepath.Join(dir, "again"), os.DirFS(filepath.Join(dir, "mlp"))); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	goCommand(t, dir, cache, "build", "./again")
	cached := time.Since(begin)
	t.Logf("mlc build %v, go build %v, from an empty cache %v", shortest, cached, empty)
	if shortest > 200*time.Millisecond || cached > 3*time.Second || empty > 15*time.Second {
		t.Error("want at most 0.2 s, 3 s and 15 s")
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// workspace holds what is built for one run of the benchmark.
type workspace struct {
	dir string
	mlc string // the binary
	// The environment that makes a program choose OpenBLAS's fastest kernels.
	sets map[string][]string
}

func newWorkspace() (*workspace, error) {
	dir, err := os.MkdirTemp("", "mlc-bench-")
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir, mlc: filepath.Join(dir, "mlc"), sets: map[string][]string{}}
	if out, err := exec.Command("go", "build", "-o", w.mlc, "./cmd/mlc").CombinedOutput(); err != nil {
		w.close()
		return nil, fmt.Errorf("go build ./cmd/mlc (run this from the module's root): %s", out)
	}
	return w, nil
}

func (w *workspace) close() { os.RemoveAll(w.dir) }

// benched is the line of `mlc bench` as far as it is used here.
type benched struct {
	Median    float64 `json:"step_us_median"`
	PeakShare float64 `json:"peak_share"`
	Bound     float64 `json:"bound_us"`
	RSS       float64 `json:"rss_bytes"`
	Kernels   []struct {
		Name   string
		Micros float64 `json:"microseconds"`
	}
}

// bench is a slice of `mlc bench`.
func (c config) bench(args ...string) measurement { return c.benchKernel("", args...) }

// benchKernel is a slice of which one kernel's time counts, or all of it.
func (c config) benchKernel(kernel string, args ...string) measurement {
	args = append([]string{"bench", "--format", "json", "--seconds", fmt.Sprint(c.slice)}, args...)
	return func() (s sample, err error) {
		out, err := exec.Command(c.mlc, args...).Output()
		if err != nil {
			return s, fmt.Errorf("mlc %s: %w", strings.Join(args, " "), err)
		}
		var b benched
		first, _, _ := strings.Cut(string(out), "\n")
		if err := json.Unmarshal([]byte(first), &b); err != nil {
			return s, fmt.Errorf("mlc bench: %w in %q", err, first)
		}
		s = sample{Median: b.Median, RSS: b.RSS, PeakShare: b.PeakShare, Bound: b.Bound}
		if kernel == "" {
			return s, nil
		}
		for _, k := range b.Kernels {
			if k.Name == kernel {
				return sample{Median: k.Micros}, nil
			}
		}
		return s, fmt.Errorf("mlc bench: no kernel %s in %q", kernel, first)
	}
}

func (c config) mlcTrain(optimizer string, batch, threads int) measurement {
	spec := map[string]string{"sgd": "specs/mlp/net.ml", "adam": "bench/models/mlp_adam.ml"}[optimizer]
	return c.bench(spec, "--batch", fmt.Sprint(batch), "--threads", fmt.Sprint(threads))
}

func (c config) mlcProduct(m, k, n, threads int) (measurement, error) {
	spec := filepath.Join(c.dir, fmt.Sprintf("product%dx%d.ml", k, n))
	text := fmt.Sprintf("edition 1\n\nmodel Product() {\n    input x float32[batch, %d]\n    output y = x -> w: linear(%d, bias = false)\n}\n", k, n)
	if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return c.bench(spec, "--mode", "infer", "--batch", fmt.Sprint(m), "--threads", fmt.Sprint(threads)), nil
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// sample is one slice: microseconds of a call.
type sample struct {
	Median    float64 `json:"us_median"`
	Min       float64 `json:"us_min"`
	PeakShare float64 `json:"-"`
	Bound     float64 `json:"-"` // microseconds at the machine's peak, as mlc measured it
}

// peer is a rival's process: it answers one JSON line for each request.
type peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startPeer(env []string, name string, args ...string) (*peer, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %v", errMissing, err)
	}
	p := &peer{cmd: cmd, in: in, out: bufio.NewReader(out)}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: %s gave no greeting", errMissing, name)
	}
	return p, json.Unmarshal([]byte(line), p)
}

func (p *peer) ask(request string) (s sample, err error) {
	if _, err = io.WriteString(p.in, request+"\n"); err != nil {
		return s, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return s, fmt.Errorf("%s did not answer %q: %w", p.Name, request, err)
	}
	return s, json.Unmarshal([]byte(line), &s)
}

// close ends the process; a nil peer has none.
func (p *peer) close() {
	if p == nil {
		return
	}
	p.in.Close()
	p.cmd.Wait()
}

// workspace holds what is built for one run of the benchmark.
type workspace struct {
	dir string
	mlc string // the binary
}

func newWorkspace() (*workspace, error) {
	dir, err := os.MkdirTemp("", "mlc-bench-")
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir, mlc: filepath.Join(dir, "mlc")}
	if out, err := exec.Command("go", "build", "-o", w.mlc, "./cmd/mlc").CombinedOutput(); err != nil {
		w.close()
		return nil, fmt.Errorf("go build ./cmd/mlc (run this from the module's root): %s", out)
	}
	return w, nil
}

func (w *workspace) close() { os.RemoveAll(w.dir) }

// torch starts PyTorch. With more than one thread, OpenBLAS's own pool would fight
// PyTorch's: one of them is told to use one thread.
func (w *workspace) torch(threads int) (*peer, error) {
	env := []string{"OMP_NUM_THREADS=" + strconv.Itoa(threads), "OPENBLAS_NUM_THREADS=1"}
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import torch").Run() == nil {
			return startPeer(env, python, "bench/peers/torch_peer.py")
		}
	}
	return nil, fmt.Errorf("%w: no Python with torch", errMissing)
}

func (w *workspace) onnxRuntime(library string, threads int) (*peer, error) {
	if library == "" {
		return nil, fmt.Errorf("%w: -ort names no library", errMissing)
	}
	exe := filepath.Join(w.dir, "ort_peer")
	if out, err := exec.Command("gcc", "-O2", "-o", exe, "bench/peers/ort_peer.c", "-ldl").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: gcc: %s", errMissing, out)
	}
	models := filepath.Join(w.dir, "onnx")
	if out, err := exec.Command("/usr/bin/python3", "bench/peers/export_mlp.py", models, "1", "32").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: export_mlp.py: %s", errMissing, out)
	}
	return startPeer(nil, exe, library, models, strconv.Itoa(threads))
}

func (w *workspace) blas(lib string, threads int) (*peer, error) {
	exe := filepath.Join(w.dir, strings.ToLower(lib))
	args := []string{"-O2", "-o", exe, "bench/peers/blas_peer.c", "-lopenblas"}
	if lib == "oneDNN" {
		args = []string{"-O2", "-DONEDNN", "-o", exe, "bench/peers/blas_peer.c", "-ldnnl"}
	}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: gcc: %s", errMissing, out)
	}
	n := strconv.Itoa(threads)
	return startPeer([]string{"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=" + n}, exe)
}

// measurement runs one slice of mlc.
type measurement func() (sample, error)

func (w *workspace) bench(args ...string) measurement {
	return func() (s sample, err error) {
		out, err := exec.Command(w.mlc, append([]string{"bench", "--format", "json"}, args...)...).Output()
		if err != nil {
			return s, fmt.Errorf("mlc bench %s: %w", strings.Join(args, " "), err)
		}
		var line struct {
			Median    float64 `json:"step_us_median"`
			Min       float64 `json:"step_us_min"`
			PeakShare float64 `json:"peak_share"`
			Bound     float64 `json:"bound_us"`
		}
		first, _, _ := strings.Cut(string(out), "\n")
		if err := json.Unmarshal([]byte(first), &line); err != nil {
			return s, fmt.Errorf("mlc bench: %w in %q", err, first)
		}
		return sample(line), nil
	}
}

func sizes(batch, threads int, slice float64) []string {
	return []string{"--batch", strconv.Itoa(batch), "--threads", strconv.Itoa(threads), "--seconds", fmt.Sprint(slice)}
}

func (w *workspace) mlcTrain(optimizer string, batch, threads int, slice float64) measurement {
	spec := "specs/mlp/net.ml"
	if optimizer == "adam" {
		spec = "bench/adam.ml"
	}
	return w.bench(append([]string{spec, "--mode", "train"}, sizes(batch, threads, slice)...)...)
}

func (w *workspace) mlcInfer(batch, threads int, slice float64) measurement {
	return w.bench(append([]string{"specs/mlp/net.ml", "--mode", "infer"}, sizes(batch, threads, slice)...)...)
}

func (w *workspace) mlcProduct(m, k, n, threads int, slice float64) (measurement, error) {
	spec := filepath.Join(w.dir, fmt.Sprintf("product%dx%d.ml", k, n))
	text := fmt.Sprintf("edition 1\n\nmodel Product() {\n    input x float32[batch, %d]\n    output y = x -> w: linear(%d, bias = false)\n}\n", k, n)
	if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return w.bench(append([]string{spec, "--mode", "infer"}, sizes(m, threads, slice)...)...), nil
}

// machine describes where the figures come from.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

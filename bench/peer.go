package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// sample is one slice. Median is in microseconds unless the part says otherwise.
type sample struct {
	Median    float64 `json:"us_median"`
	RSS       float64 `json:"rss_bytes"` // peak resident memory of the process so far
	Accuracy  float64 `json:"accuracy"`
	PeakShare float64 `json:"-"`
	Bound     float64 `json:"-"` // microseconds at the machine's peak, as mlc measured it
}

// measurement runs one slice.
type measurement func() (sample, error)

// resident takes a slice's memory for its result.
func resident(m measurement) measurement {
	return func() (sample, error) {
		s, err := m()
		return sample{Median: s.RSS}, err
	}
}

// peer is a rival's process: it answers one JSON line for each request.
type peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	mode    string // what sets it apart from other processes of the rival
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// rival is a system in one or more ways to run it, of which the fastest counts.
// An empty rival is not installed.
type rival []*peer

func (r rival) close() {
	for _, p := range r {
		p.in.Close()
		_ = p.cmd.Wait()
	}
}

// rivalEnv is the environment without variables that force OpenBLAS or oneDNN to
// some machine's kernels or to a number of threads: extra says what serves them.
func rivalEnv(extra ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		forced := false
		for _, prefix := range []string{"OPENBLAS_", "GOTO_", "OMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "ATEN_CPU_CAPABILITY", "LD_LIBRARY_PATH"} {
			forced = forced || strings.HasPrefix(e, prefix)
		}
		if !forced {
			env = append(env, e)
		}
	}
	return append(env, extra...)
}

// kernelSets are names of OpenBLAS's sets of kernels for amd64, after its own choice.
// It does not know processors that are newer than itself, and may then choose
// the kernels of a very old one.
var kernelSets = []string{"", "SkylakeX", "Cooperlake", "Haswell", "Zen"}

// fastestSet returns what a rival's environment needs for the set of OpenBLAS's
// kernels that answers a request fastest on this machine. The key tells programs apart.
func (w *workspace) fastestSet(key, request string, start func(env []string) (rival, error)) (env []string, err error) {
	if env, known := w.sets[key]; known {
		return env, nil
	}
	least := math.Inf(1)
	for _, set := range kernelSets {
		var e []string
		if set != "" {
			e = []string{"OPENBLAS_CORETYPE=" + set}
		}
		r, err := start(e)
		if err != nil && set == "" {
			return nil, err
		}
		if err != nil {
			continue // this processor cannot run them
		}
		for range 3 {
			s, err := r[0].ask(request)
			if err != nil {
				break
			}
			if s.Median < least {
				least, env = s.Median, e
			}
		}
		r.close()
	}
	w.sets[key] = env
	return env, nil
}

func startPeer(env []string, mode, name string, args ...string) (rival, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = rivalEnv(env...)
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
	p := &peer{mode: mode, cmd: cmd, in: in, out: bufio.NewReader(out)}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: %s gave no greeting", errMissing, name)
	}
	return rival{p}, json.Unmarshal([]byte(line), p)
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

func (p *peer) measure(request string) measurement {
	return func() (sample, error) { return p.ask(request) }
}

// request is a line for a peer; its last word is the length of a slice.
func (c config) request(words ...any) string {
	return strings.TrimSpace(fmt.Sprintln(append(words, c.slice)...))
}

// torch starts PyTorch. With more than one thread OpenBLAS's own pool would fight
// PyTorch's: either it gets one thread, or it is the variant that shares
// PyTorch's pool. Which is faster depends on the work.
func (w *workspace) torch(threads int) (rival, error) {
	python := ""
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import torch").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		return nil, fmt.Errorf("%w: no Python with torch", errMissing)
	}
	n := strconv.Itoa(threads)
	mode := ""
	if threads > 1 {
		mode = "(OpenBLAS on 1 thread)"
	}
	one := []string{"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=1"}
	set, err := w.fastestSet("torch", "train sgd 128 0.1", func(env []string) (rival, error) {
		return startPeer(append(env, one...), "", python, "bench/peers/torch_peer.py")
	})
	if err != nil {
		return nil, err
	}
	r, err := startPeer(append(one, set...), mode, python, "bench/peers/torch_peer.py")
	if err != nil || threads == 1 {
		return r, err
	}
	if found, _ := filepath.Glob("/usr/lib/*/openblas-openmp"); len(found) > 0 {
		more, err := startPeer(append([]string{"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=" + n, "LD_LIBRARY_PATH=" + found[0]}, set...), "(OpenBLAS on OpenMP)", python, "bench/peers/torch_peer.py")
		if err != nil {
			r.close()
			return nil, err
		}
		r = append(r, more...)
	}
	return r, nil
}

func (c config) onnxRuntime(threads int) (rival, error) {
	if c.ort == "" {
		return nil, fmt.Errorf("%w: ONNX Runtime: -ort names no library", errMissing)
	}
	exe := filepath.Join(c.dir, "ort_peer")
	if err := tool("gcc", "-O2", "-o", exe, "bench/peers/ort_peer.c", "-ldl"); err != nil {
		return nil, err
	}
	models := filepath.Join(c.dir, "onnx")
	if err := tool("/usr/bin/python3", "bench/peers/export_mlp.py", models, "1", "32"); err != nil {
		return nil, err
	}
	return startPeer(nil, "", exe, c.ort, models, strconv.Itoa(threads))
}

func (w *workspace) blas(lib string, threads int) (rival, error) {
	exe := filepath.Join(w.dir, strings.ToLower(lib))
	args := []string{"-O2", "-o", exe, "bench/peers/blas_peer.c", "-lopenblas"}
	if lib == "oneDNN" {
		args = []string{"-O2", "-DONEDNN", "-o", exe, "bench/peers/blas_peer.c", "-ldnnl"}
	}
	if err := tool("gcc", args...); err != nil {
		return nil, err
	}
	n := strconv.Itoa(threads)
	all := []string{"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=" + n}
	set, err := w.fastestSet(lib, "gemm 256 768 3072 0.1", func(env []string) (rival, error) { return startPeer(append(env, all...), "", exe) })
	if err != nil {
		return nil, err
	}
	return startPeer(append(all, set...), "", exe)
}

// goPeer builds a program that is a module of its own, with its dependencies.
func (w *workspace) goPeer(name string, threads int, env ...string) (rival, error) {
	exe := filepath.Join(w.dir, name)
	if err := tool("go", "build", "-C", filepath.Join("bench", "peers", name), "-o", exe, "."); err != nil {
		return nil, err
	}
	return startPeer(append(env, "GOMAXPROCS="+strconv.Itoa(threads)), "", exe)
}

// tool runs a command that a rival needs.
func tool(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s %s: %v\n%s", errMissing, name, strings.Join(args, " "), err, out)
	}
	return nil
}

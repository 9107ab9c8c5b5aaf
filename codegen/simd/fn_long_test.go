package simd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/internal/refdata"
)

// bounds are the largest errors, in units of the last place, that the functions'
// documentation promises, with their forms in the runtime and the references of
// testdata/everyfloat.
var bounds = []struct {
	fn, plain, ref, shape string
	ulp                   float64
}{
	{"exp", "Exp", "exp", "monotone", 1}, {"expm1", "Expm1", "expm1", "monotone", 1.5},
	{"log", "Log", "log", "monotone", 1}, {"log1p", "Log1p", "log1p", "monotone", 1},
	{"tanh", "Tanh", "tanh", "monotone", 2.5}, {"sigmoid", "Sigmoid", "sigmoid", "monotone", 2.5},
	{"erf", "Erf", "erf", "monotone", 1.1}, {"ndtr", "Ndtr", "ndtr", "monotone", 2.5}, {"gelu_erf", "GeluErf", "gelu", "general", 2.5},
	{"sin", "Sin", "sin", "sine", 2}, {"cos", "Cos", "cos", "cosine", 2},
}

// TestFnLong tries every float32 with the assembly of each named function of one
// argument: the error against a reference in float64, and that AVX-512 and AVX2
// give the same bits. The Go form, which is slower by far, sees every 499th
// float32, and all of them with MLC_EXHAUSTIVE=1.
func TestFnLong(t *testing.T) {
	refdata.Long(t)
	targets := []Target{AVX512, AVX2}
	if info, err := os.ReadFile("/proc/cpuinfo"); err != nil || !strings.Contains(string(info), "avx512dq") {
		targets = targets[1:]
	}
	var fs []*Function
	var table, decl strings.Builder
	for _, b := range bounds {
		var asm []string
		for _, target := range targets {
			f, reason := Lower(functionKernel(b.fn), target)
			if f == nil {
				t.Fatalf("%s: %s", b.fn, reason)
			}
			fs = append(fs, f)
			items, err := f.Items.Eval(map[string]int64{"n": 1 << 16})
			if err != nil {
				t.Fatal(err)
			}
			asm = append(asm, fmt.Sprintf("func(x, y *float32) { %s(x, y, 1<<16, 0, %d) }", f.Name, items))
			fmt.Fprintf(&decl, "//go:noescape\n%s\n\n", f.Signature())
		}
		fmt.Fprintf(&table, "\t{%q, []func(x, y *float32){%s}, mlrt.%s, %s, %s, %g},\n", b.fn, strings.Join(asm, ", "), b.plain, b.ref, b.shape, b.ulp)
	}
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("testdata/everyfloat")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":          "module fns\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => " + root + "\n",
		"kernels_amd64.s": string(Assembly(nil, "!purego", fs)),
		"functions.go":    "package main\n\nimport mlrt \"github.com/mlc-go/mlc/runtime\"\n\nvar functions = []function{\n" + table.String() + "}\n\n" + decl.String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stride := "499"
	if os.Getenv("MLC_EXHAUSTIVE") != "" {
		stride = "1"
	}
	cmd := exec.Command("go", "run", ".", stride)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// functionKernel applies a named function to n elements.
func functionKernel(name string) *loop.Kernel {
	n := dim.Sym("n")
	x := &loop.Param{Name: "x", DType: dim.Float32, Shape: []dim.Dim{n}, Read: true}
	y := &loop.Param{Name: "y", DType: dim.Float32, Shape: []dim.Dim{n}, Write: true}
	axis := &loop.Axis{Name: "i", Extent: n}
	b := loop.NewBuilder()
	i := b.Axis(axis)
	store := &loop.Store{Param: y, Index: []*loop.Expr{i}, Value: b.Call(loop.FnByName(name), b.Load(x, i))}
	return &loop.Kernel{Name: name + "Of", Params: []*loop.Param{x, y}, Dims: []string{"n"}, Space: []*loop.Axis{axis},
		Phases: []*loop.Phase{{Kind: loop.Map, Stores: []*loop.Store{store}}}}
}

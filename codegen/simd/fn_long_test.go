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
)

// bounds are the largest errors, in units of the last place, that the functions'
// documentation promises, with the reference in float64.
var bounds = []struct {
	fn, ref string
	ulp     float64
}{
	{"exp", "math.Exp", 1}, {"log", "math.Log", 1}, {"log1p", "math.Log1p", 1}, {"expm1", "math.Expm1", 1.5},
	{"tanh", "math.Tanh", 2.5}, {"sigmoid", "sigmoid", 2.5}, {"erf", "math.Erf", 1.1}, {"sin", "math.Sin", 2}, {"cos", "math.Cos", 2},
	{"ndtr", "ndtr", 2.5}, {"gelu_erf", "gelu", 2.5},
}

// TestFnLong tries every float32 with the assembly of each named function of one
// argument, whose bits are those of the Go form.
func TestFnLong(t *testing.T) {
	if os.Getenv("MLC_EXHAUSTIVE") == "" {
		t.Skip("tries every float32, which takes most of an hour on two cores: set MLC_EXHAUSTIVE=1")
	}
	target := AVX512
	if info, err := os.ReadFile("/proc/cpuinfo"); err != nil || !strings.Contains(string(info), "avx512dq") {
		target = AVX2
	}
	var fs []*Function
	var table strings.Builder
	for _, b := range bounds {
		f, reason := Lower(functionKernel(b.fn), target)
		if f == nil {
			t.Fatalf("%s: %s", b.fn, reason)
		}
		fs = append(fs, f)
		items, err := f.Items.Eval(map[string]int64{"n": 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&table, "\t{%q, func(x, y *float32) { %s(x, y, 1<<16, 0, %d) }, %s, %g},\n", b.fn, f.Name, items, b.ref, b.ulp)
	}
	dir := t.TempDir()
	var decl strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&decl, "//go:noescape\n%s\n\n", f.Signature())
	}
	for name, text := range map[string]string{
		"go.mod": "module fns\n\ngo 1.25\n", "kernels_amd64.s": string(Assembly(nil, "!purego", fs)),
		"main.go": everyFloat + "\nvar functions = []function{\n" + table.String() + "}\n\n" + decl.String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
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

const everyFloat = `package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
)

type function struct {
	name  string
	fn    func(x, y *float32)
	ref   func(float64) float64
	bound float64
}

func sigmoid(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

func ndtr(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func gelu(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x * ndtr(x)
}

// ulps is the distance of got from want in units of want's last place.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case got == rounded && (got != 0 || math.Signbit(float64(got)) == math.Signbit(want)), got != got && want != want:
		return 0
	case got != got || want != want || got == rounded:
		return math.Inf(1)
	case math.IsInf(float64(got), 0) && math.Abs(want) > math.MaxFloat32:
		return 1
	case math.IsInf(float64(rounded), 0) || math.IsInf(float64(got), 0):
		return (math.Abs(want) - math.MaxFloat32) / 0x1p104
	}
	unit := 0x1p-149
	if a := math.Abs(want); a >= 0x1p-126 {
		unit = math.Float64frombits(math.Float64bits(a)&^(1<<52-1)) * 0x1p-23
	}
	return math.Abs(float64(got)-want) / unit
}

func (f *function) worst(first, step uint32) (worst float64, at float32) {
	x, y := make([]float32, 1<<16), make([]float32, 1<<16)
	for block := first; block < 1<<16; block += step {
		for i := range x {
			x[i] = math.Float32frombits(block<<16 | uint32(i))
		}
		f.fn(&x[0], &y[0])
		for i, v := range x {
			if e := ulps(y[i], f.ref(float64(v))); e > worst {
				worst, at = e, v
			}
		}
	}
	return worst, at
}

func main() {
	failed := false
	for _, f := range functions {
		var mu sync.Mutex
		var wg sync.WaitGroup
		worst, at := 0.0, float32(0)
		n := runtime.NumCPU()
		for c := range n {
			wg.Go(func() {
				w, a := f.worst(uint32(c), uint32(n))
				mu.Lock()
				defer mu.Unlock()
				if w > worst {
					worst, at = w, a
				}
			})
		}
		wg.Wait()
		fmt.Printf("%s: %.4f ulp at %x\n", f.name, worst, at)
		failed = failed || worst > f.bound
	}
	if failed {
		os.Exit(1)
	}
}
`

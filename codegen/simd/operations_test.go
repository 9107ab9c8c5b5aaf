package simd

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/lower"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/pass"
)

// operation builds a program of one example with the gradients of a weighted sum
// of its results.
func operation(ex op.Example) (*loop.Program, error) {
	f := ir.NewFunc("forward")
	b := &ir.Builder{Func: f}
	e := &ir.Entry{Name: "forward", Func: f}
	var args, floats []*ir.Value
	for n, t := range ex.In {
		v := f.AddParam(t, fmt.Sprintf("x%d", n))
		e.Inputs = append(e.Inputs, ir.Input{Name: v.Name, Value: v})
		args = append(args, v)
		if t.DType.IsFloat() {
			floats = append(floats, v)
		}
	}
	var loss *ir.Value
	for n, y := range b.Emit(ex.Op, args...) {
		e.Outputs = append(e.Outputs, ir.Output{Name: fmt.Sprintf("y%d", n), Value: y})
		if !y.Type.DType.IsFloat() {
			continue
		}
		axes := make([]int, len(y.Type.Shape))
		for a := range axes {
			axes[a] = a
		}
		z := op.CastTo(b, y, dim.Float32)
		term := op.Sum(b, op.Apply(b, "mul", z, z), axes...)
		if loss == nil {
			loss = term
		} else {
			loss = op.Apply(b, "add", loss, term)
		}
	}
	if loss != nil && len(floats) > 0 {
		for n, g := range b.Emit(op.Gradient{}, append([]*ir.Value{loss}, floats...)...) {
			e.Outputs = append(e.Outputs, ir.Output{Name: fmt.Sprintf("g%d", n), Value: g})
		}
	}
	if err := b.Err(); err != nil {
		return nil, err
	}
	p := &ir.Program{Name: "Single", File: "net.ml", Entries: []*ir.Entry{e}}
	if err := pass.RunTensor(p, pass.Options{}); err != nil {
		return nil, err
	}
	l, err := lower.Lower(p, nil)
	if err != nil {
		return nil, err
	}
	return l, pass.RunLoop(l, pass.Options{})
}

// uncovered are the reasons for which a kernel of an operation may stay in Go.
var uncovered = []string{"a sort", "parts", "float64", "elements of int16", "bfloat16", "float16"}

// TestOperations lowers the kernels of every operation and its gradient and runs
// them against the exact evaluator.
func TestOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a large program")
	}
	var fs []*Function
	var jobs []*job
	refused := map[string]int{}
	seen := map[string]bool{}
	for n, ex := range op.Examples() {
		if ex.Op.Name() == "gradient" {
			continue
		}
		p, err := operation(ex)
		if err != nil {
			t.Errorf("%s: %v", ex.Op.Name(), err)
			continue
		}
		for i, k := range p.Kernels {
			k.Name = fmt.Sprintf("k%dOf%d", i, n)
			text := k.String()
			if key := text[strings.Index(text, "{"):]; seen[key] {
				continue
			} else {
				seen[key] = true
			}
			for _, target := range []Target{AVX512, AVX2} {
				f, reason := Lower(k, target)
				if f == nil {
					refused[fmt.Sprintf("%s: %s: %s", target, ex.Op.Name(), reason)]++
					continue
				}
				f.Name = fmt.Sprintf("%s%s", k.Name, strings.ToUpper(target.String()))
				dims := make([]int64, len(k.Dims))
				for d := range dims {
					dims[d] = int64(5 + 2*d)
				}
				fs = append(fs, f)
				jobs = append(jobs, newJob(t, f, dims, 1, int64(ex.Index), 0), newJob(t, f, dims, 2, int64(ex.Index), 3))
			}
		}
	}
	t.Logf("%d functions", len(fs))
	var lines []string
next:
	for l := range refused {
		for _, u := range uncovered {
			if strings.Contains(l, u) {
				continue next
			}
		}
		lines = append(lines, l)
	}
	sort.Strings(lines)
	for _, l := range lines {
		t.Errorf("not covered: %s", l)
	}
	run(t, fs, jobs)
}

package pass

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// trial runs the first entry of a program, built anew by make, in both
// evaluators on the same data.
type trial struct {
	make  func() *ir.Program
	dims  map[string]int64
	ints  int64   // integer inputs are drawn from 0 to ints-1
	scale float64 // float inputs and stored tensors are drawn from -scale to scale
	shift float64 // and moved by this much
	steps int
}

// outcome is what a program left: outputs of the last step, then stored tensors.
type outcome struct {
	names  []string
	values [][]float64
	bits   [][]uint64
}

func (tr trial) data(t dim.DType, n int, r *rand.Rand) []float64 {
	out := make([]float64, n)
	for i := range out {
		switch {
		case t == dim.Bool:
			out[i] = float64(r.IntN(2))
		case t.IsInt():
			out[i] = float64(r.Int64N(max(tr.ints, 1)))
		default:
			out[i] = float64(float32((2*r.Float64()-1)*tr.scale + tr.shift))
		}
	}
	return out
}

// exact runs the lowered program.
func (tr trial) exact(t *testing.T, o Options) outcome {
	t.Helper()
	l := compile(t, tr.make(), o)
	m, err := eval.NewExact(l)
	if err != nil {
		t.Fatal(err)
	}
	m.Metrics, m.Seed = true, 42
	r := rand.New(rand.NewPCG(1, 2))
	f := l.Funcs[0]
	for _, v := range l.Vars {
		words, err := m.Var(v)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range tr.data(v.DType, len(words), r) {
			words[i] = eval.Bits(x, v.DType)
		}
		if err := m.SetVar(v, words); err != nil {
			t.Fatal(err)
		}
	}
	out := tr.stepExact(t, l, m, r)
	var res outcome
	add := func(name string, dt dim.DType, bits []uint64) {
		values := make([]float64, len(bits))
		for i, b := range bits {
			values[i] = eval.Number(b, dt)
		}
		res.names = append(res.names, name)
		res.values = append(res.values, values)
		res.bits = append(res.bits, bits)
	}
	for i, o := range f.Outputs {
		add("output "+o.Name, o.Buffer.DType, out[i])
	}
	for _, v := range l.Vars {
		words, err := m.Var(v)
		if err != nil {
			t.Fatal(err)
		}
		add("var "+v.Name, v.DType, words)
	}
	return res
}

// stepExact runs the steps and returns the outputs of the last one.
func (tr trial) stepExact(t *testing.T, l *loop.Program, m *eval.Exact, r *rand.Rand) [][]uint64 {
	t.Helper()
	f := l.Funcs[0]
	var out [][]uint64
	for s := range max(tr.steps, 1) {
		m.Step = int64(s + 1)
		var in [][]uint64
		for _, b := range f.Inputs {
			n, err := b.Size().Eval(tr.dims)
			if err != nil {
				t.Fatal(err)
			}
			words := make([]uint64, n)
			for i, x := range tr.data(b.DType, int(n), r) {
				words[i] = eval.Bits(x, b.DType)
			}
			in = append(in, words)
		}
		var err error
		if out, err = m.Run(f, tr.dims, in...); err != nil {
			t.Fatalf("%v\n%s", err, l)
		}
	}
	return out
}

// reference runs the program as built, but for gradients, which are replaced.
func (tr trial) reference(t *testing.T) outcome {
	t.Helper()
	p := tr.make()
	if err := grad(p); err != nil {
		t.Fatal(err)
	}
	m := eval.NewReference(p)
	m.Seed = 42
	r := rand.New(rand.NewPCG(1, 2))
	for _, v := range p.Vars {
		copy(m.Vars[v].Data, tr.data(v.Type.DType, len(m.Vars[v].Data), r))
	}
	e := p.Entries[0]
	var out []ir.Dense
	for s := range max(tr.steps, 1) {
		m.Step = int64(s + 1)
		var in []ir.Dense
		for _, x := range e.Inputs {
			d := ir.NewDense(x.Value.Type.DType, op.ConcreteShape(x.Value.Type.Shape, tr.dims)...)
			copy(d.Data, tr.data(d.DType, len(d.Data), r))
			in = append(in, d)
		}
		var err error
		if out, err = m.Run(e, in...); err != nil {
			t.Fatal(err)
		}
	}
	var res outcome
	for i, o := range e.Outputs {
		res.names = append(res.names, "output "+o.Name)
		res.values = append(res.values, out[i].Data)
	}
	for _, v := range p.Vars {
		res.names = append(res.names, "var "+v.Name)
		res.values = append(res.values, m.Vars[v].Data)
	}
	return res
}

// near compares with a tolerance relative to the largest magnitude of a tensor.
func near(t *testing.T, got, want outcome, tolerance float64) {
	t.Helper()
	for i, name := range want.names {
		largest := 1.0
		for _, v := range want.values[i] {
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				largest = max(largest, math.Abs(v))
			}
		}
		if len(got.values[i]) != len(want.values[i]) {
			t.Errorf("%s: %d elements, want %d", name, len(got.values[i]), len(want.values[i]))
			continue
		}
		for j, w := range want.values[i] {
			g := got.values[i][j]
			if same := g == w || math.IsNaN(g) && math.IsNaN(w); !same && !(math.Abs(g-w) <= tolerance*largest) {
				t.Errorf("%s[%d] = %v, reference %v", name, j, g, w)
				break
			}
		}
	}
}

// sameBits requires two runs to agree in every bit but a NaN's payload.
func sameBits(t *testing.T, what string, got, want outcome) {
	t.Helper()
	for i, name := range want.names {
		for j, w := range want.bits[i] {
			if g := got.bits[i][j]; g != w && !(math.IsNaN(got.values[i][j]) && math.IsNaN(want.values[i][j])) {
				t.Errorf("%s: %s[%d] has bits %x, want %x", what, name, j, g, w)
				break
			}
		}
	}
}

func check(t *testing.T, tr trial, tolerance float64) {
	t.Helper()
	full := tr.exact(t, Options{Check: true})
	near(t, full, tr.reference(t), tolerance)
	sameBits(t, "unshuffled", tr.exact(t, Options{}), full)
	sameBits(t, "without fuse", tr.exact(t, Options{Disable: []string{"fuse"}}), full)
	sameBits(t, "row-major", tr.exact(t, Options{Disable: []string{"layout", "pack"}}), full)
	sameBits(t, "without cse", tr.exact(t, Options{Disable: []string{"cse"}}), full)
}

func TestClassifierTrains(t *testing.T) {
	check(t, trial{
		make: func() *ir.Program { return classifier(13, 8, 5) },
		dims: map[string]int64{"batch": 7}, ints: 5, scale: 1, steps: 3,
	}, 3e-6)
}

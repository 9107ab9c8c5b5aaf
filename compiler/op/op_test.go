package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/diff/fd"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// noGradient lists the operations without a derivative to check, and why.
var noGradient = map[string]string{
	"host_scalar": "no arguments", "iota": "no arguments", "random": "no arguments",
	"arg_reduce": "integer results", "stop_gradient": "has none by definition", "gradient": "stands for adjoints",
	"sign": "zero", "floor": "zero", "ceil": "zero", "round": "zero",
	"lt": "bool", "le": "bool", "gt": "bool", "ge": "bool", "eq": "bool", "ne": "bool", "is_nan": "bool",
	"and": "bool", "or": "bool", "not": "bool", "floor_divide": "integers", "mod": "integers",
}

func name(ex op.Example) string {
	s := ex.Op.Name() + ir.Attributes(ex.Op)
	for _, t := range ex.In {
		s += " " + t.String()
	}
	return s
}

// hasGradient reports whether an example has float arguments that its float
// results depend on smoothly.
func hasGradient(ex op.Example) bool {
	if _, no := noGradient[ex.Op.Name()]; no || !slices.ContainsFunc(ex.In, func(t ir.Type) bool { return t.DType.IsFloat() }) {
		return false
	}
	out, err := ex.Op.Infer(ex.In)
	return err == nil && out[0].DType.IsFloat()
}

func TestEveryOperationHasExamples(t *testing.T) {
	examples, checked := map[string]bool{}, map[string]bool{}
	for _, ex := range op.Examples() {
		examples[ex.Op.Name()] = true
		checked[ex.Op.Name()] = checked[ex.Op.Name()] || hasGradient(ex)
	}
	for _, o := range op.All() {
		if !examples[o.Name()] {
			t.Errorf("%s has no example", o.Name())
		}
		if _, no := noGradient[o.Name()]; !no && !checked[o.Name()] {
			t.Errorf("%s has no gradient check", o.Name())
		}
		if found, ok := op.Lookup(o.Name()); !ok || found.Name() != o.Name() {
			t.Errorf("Lookup(%q) does not find it", o.Name())
		}
	}
}

func TestExamplesKeepTheTypeRules(t *testing.T) {
	for _, ex := range op.Examples() {
		if _, err := ex.Op.Infer(ex.In); err != nil {
			t.Errorf("%s: %v", name(ex), err)
		}
		if _, err := ex.Op.Infer(append(slices.Clone(ex.In), ir.Type{DType: dim.Float32})); err == nil && ex.Op.Name() != "concat" && ex.Op.Name() != "gradient" {
			t.Errorf("%s takes one argument more", name(ex))
		}
		implementations := 0
		for _, is := range []bool{
			implements[op.Pointwise](ex.Op), implements[op.Reducing](ex.Op), implements[op.Contracting](ex.Op),
			implements[op.Sequencing](ex.Op), implements[op.Kernels](ex.Op), implements[ir.Region](ex.Op),
		} {
			if is {
				implementations++
			}
		}
		if want := 1; implementations != want && ex.Op.Name() != "gradient" {
			t.Errorf("%s has %d lowerings, want one", name(ex), implementations)
		}
	}
}

func implements[T any](o ir.Op) bool {
	_, ok := o.(T)
	return ok
}

// inputs draws arguments of an example. Floats are distinct, so that no two
// elements tie.
func inputs(ex op.Example, rng *rand.Rand) []ir.Dense {
	low, high := ex.Low, ex.High
	if low == 0 && high == 0 {
		low, high = -2, 2
	}
	var out []ir.Dense
	for _, t := range ex.In {
		d := ir.NewDense(t.DType, op.ConcreteShape(t.Shape, nil)...)
		for i := range d.Data {
			switch {
			case t.DType == dim.Bool:
				d.Data[i] = float64(rng.IntN(2))
			case t.DType.IsInt():
				d.Data[i] = float64(rng.IntN(max(1, ex.Index)))
			default:
				d.Data[i] = low + (high-low)*rng.Float64()
			}
		}
		out = append(out, d)
	}
	return out
}

// probe is a function of an example's arguments that weighs all float results
// into one number: Σ w_i y_i with fixed w.
type probe struct {
	f      *ir.Func
	args   []*ir.Value // the example's arguments
	floats []int       // which of them are floats
	loss   *ir.Value
	b      *ir.Builder
}

func newProbe(t *testing.T, ex op.Example) *probe {
	t.Helper()
	p := &probe{f: ir.NewFunc("probe")}
	p.b = &ir.Builder{Func: p.f}
	for i, in := range ex.In {
		if in.DType.IsFloat() {
			p.floats = append(p.floats, i)
		}
		p.args = append(p.args, p.f.AddParam(in, ""))
	}
	for _, y := range p.b.Emit(ex.Op, p.args...) {
		if y.Type.DType.IsFloat() {
			p.weigh(y)
		}
	}
	if err := p.b.Err(); err != nil {
		t.Fatalf("%s: %v", name(ex), err)
	}
	return p
}

// weigh adds Σ w_i y_i to the loss, w from a fixed wave.
func (p *probe) weigh(y *ir.Value) {
	y = op.CastTo(p.b, y, dim.Float32)
	w := op.Full(p.b, y.Type, 0.7)
	if n := len(y.Type.Shape); n > 0 {
		flat := op.ReshapeTo(p.b, y, []dim.Dim{dim.Product(y.Type.Shape)})
		pos := p.b.Emit1(op.Iota{Shape: flat.Type.Shape, Axis: 0, DType: dim.Float32})
		w = op.ReshapeTo(p.b, op.Apply(p.b, "sin", op.Apply(p.b, "add", pos, op.Full(p.b, pos.Type, 1+float64(len(p.f.Instrs))))), y.Type.Shape)
	}
	term := op.Apply(p.b, "mul", y, w)
	axes := make([]int, len(y.Type.Shape))
	for a := range axes {
		axes[a] = a
	}
	term = op.Sum(p.b, term, axes...)
	if p.loss == nil {
		p.loss = term
	} else {
		p.loss = op.Apply(p.b, "add", p.loss, term)
	}
}

// gradients emits the derivatives of the loss by the float arguments.
func (p *probe) gradients() []*ir.Value {
	args := []*ir.Value{p.loss}
	for _, i := range p.floats {
		args = append(args, p.args[i])
	}
	one := op.Constant(p.b, p.loss.Type.DType, 1)
	grads := op.Backward(p.b, args[:1], []*ir.Value{one}, args[1:])
	for k, g := range grads {
		if g == nil {
			grads[k] = op.Full(p.b, args[1+k].Type, 0)
		}
	}
	return grads
}

// run evaluates values of the probe.
func (p *probe) run(t *testing.T, args []ir.Dense, values ...*ir.Value) []ir.Dense {
	t.Helper()
	p.f.Results = values
	m := &eval.Reference{Prog: &ir.Program{}, Step: 1, Seed: 1}
	out, err := m.Call(p.f, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compare checks grads against central differences of loss by the float arguments.
func (p *probe) compare(t *testing.T, args []ir.Dense, loss *ir.Value, grads []*ir.Value) {
	t.Helper()
	got := p.run(t, args, grads...)
	for k, i := range p.floats {
		x := slices.Clone(args[i].Data)
		f := func(at []float64) float64 {
			moved := slices.Clone(args)
			moved[i].Data = at
			return p.run(t, moved, loss)[0].Data[0]
		}
		if len(x) == 0 {
			continue
		}
		want := fd.Gradient(nil, f, x, &fd.Settings{Formula: fd.Central, Step: 1e-5})
		for e := range want {
			if d := math.Abs(want[e] - got[k].Data[e]); !(d <= 1e-7+1e-5*math.Abs(want[e])) {
				t.Errorf("argument %d, element %d: derivative %g, central difference %g", i, e, got[k].Data[e], want[e])
				return
			}
		}
	}
}

func TestGradients(t *testing.T) {
	for n, ex := range op.Examples() {
		if !hasGradient(ex) {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", n, ex.Op.Name()), func(t *testing.T) {
			p := newProbe(t, ex)
			args := inputs(ex, rand.New(rand.NewPCG(1, uint64(n))))
			grads := p.gradients()
			if err := p.b.Err(); err != nil {
				t.Fatal(err)
			}
			p.compare(t, args, p.loss, grads)
			if t.Failed() {
				t.Log(name(ex))
			}
		})
	}
}

// TestSecondDerivatives differentiates a weighted sum of the first derivatives.
func TestSecondDerivatives(t *testing.T) {
	for n, ex := range op.Examples() {
		if !hasGradient(ex) {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", n, ex.Op.Name()), func(t *testing.T) {
			p := newProbe(t, ex)
			args := inputs(ex, rand.New(rand.NewPCG(2, uint64(n))))
			first := p.gradients()
			p.loss = nil
			for _, g := range first {
				p.weigh(g)
			}
			second := p.gradients()
			if err := p.b.Err(); err != nil {
				t.Fatal(err)
			}
			p.compare(t, args, p.loss, second)
			if t.Failed() {
				t.Log(name(ex))
			}
		})
	}
}

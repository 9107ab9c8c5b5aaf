// Package randnet makes random valid training programs from the operations'
// own type rules, for tests that compare two ways of running them.
//
// It knows the tensor IR and the operations, and nothing of how they are run.
// The same seed gives the same program, and a program of fewer operations is a
// beginning of one with more, so that a failing one can be shrunk.
package randnet

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// Program returns a training step of about the given number of random
// operations: inputs x [batch, 6] and label int32 [batch] (0 to 3), some
// parameters, a loss, gradients, and a gradient-descent update of every
// parameter. Its results are moderate in size for inputs from -1 to 1.
func Program(seed uint64, operations int) *ir.Program {
	f := ir.NewFunc("train")
	g := &generator{
		rng: rand.New(rand.NewPCG(seed, 0x6d6c63)), f: f, b: &ir.Builder{Func: f},
		e: &ir.Entry{Name: "train", Kind: ir.Train, Func: f}, p: &ir.Program{Name: "Random", File: "net.ml"},
	}
	g.p.Entries = []*ir.Entry{g.e}
	batch := dim.Sym("batch")
	x := g.input("x", ir.Type{DType: dim.Float32, Shape: []dim.Dim{batch, dim.Const(6)}})
	g.label = g.input("label", ir.Type{DType: dim.Int32, Shape: []dim.Dim{batch}})
	g.values = []*ir.Value{x}
	g.values = append(g.values, g.param(dim.Const(6)))
	for n := range operations {
		g.b.Label = fmt.Sprintf("step %d", n)
		g.step()
	}
	g.finish()
	if err := g.b.Err(); err != nil {
		panic("randnet: " + err.Error())
	}
	return g.p
}

type generator struct {
	rng    *rand.Rand
	f      *ir.Func
	b      *ir.Builder
	e      *ir.Entry
	p      *ir.Program
	label  *ir.Value
	values []*ir.Value // floats of rank 0 to 4
	params []*ir.Value
}

func (g *generator) input(name string, t ir.Type) *ir.Value {
	v := g.f.AddParam(t, name)
	g.e.Inputs = append(g.e.Inputs, ir.Input{Name: name, Value: v})
	return v
}

// param declares a parameter of constant shape.
func (g *generator) param(shape ...dim.Dim) *ir.Value {
	name := fmt.Sprintf("p%d", len(g.params))
	v := g.f.AddParam(ir.Type{DType: dim.Float32, Shape: shape}, name)
	r := &ir.Var{Name: name, Ident: name, Type: v.Type}
	g.p.Vars = append(g.p.Vars, r)
	g.e.Reads = append(g.e.Reads, ir.Read{Var: r, Value: v})
	g.params = append(g.params, v)
	return v
}

// pick prefers recent values, so that programs grow deep.
func (g *generator) pick() *ir.Value {
	n := len(g.values)
	if g.rng.IntN(3) > 0 {
		return g.values[max(0, n-1-g.rng.IntN(3))]
	}
	return g.values[g.rng.IntN(n)]
}

func (g *generator) add(v *ir.Value) { g.values = append(g.values, v) }

func (g *generator) apply(fn string, x ...*ir.Value) *ir.Value { return op.Apply(g.b, fn, x...) }

func (g *generator) num(like *ir.Value, v float64) *ir.Value { return op.Full(g.b, like.Type, v) }

// step appends one random construction.
func (g *generator) step() {
	steps := []func(*ir.Value){g.unary, g.unary, g.binary, g.binary, g.linear, g.reduce, g.softmax, g.view, g.view, g.join, g.move, g.ordered, g.pooled, g.noisy}
	steps[g.rng.IntN(len(steps))](g.pick())
}

func (g *generator) unary(x *ir.Value) {
	switch fns := []string{"tanh", "sigmoid", "sin", "cos", "erf", "neg", "abs", "relu", "exp", "sqrt"}; fns[g.rng.IntN(len(fns))] {
	case "relu":
		g.add(g.apply("max", x, g.num(x, 0)))
	case "exp":
		g.add(g.apply("exp", g.apply("tanh", x)))
	case "sqrt":
		g.add(g.apply("sqrt", g.apply("add", g.apply("mul", x, x), g.num(x, 0.5))))
	default:
		g.add(g.apply([]string{"tanh", "sigmoid", "sin", "cos", "erf", "neg", "abs"}[g.rng.IntN(7)], x))
	}
}

// binary joins x with another value that broadcasts with it.
func (g *generator) binary(x *ir.Value) {
	y := x
	for range 8 {
		c := g.pick()
		shape, err := op.CommonShape(x.Type.Shape, c.Type.Shape)
		if err == nil && len(shape) <= 4 {
			y = c
			break
		}
	}
	xy, err := op.Align(g.b, x, y)
	if err != nil {
		panic("randnet: " + err.Error())
	}
	x, y = xy[0], xy[1]
	switch g.rng.IntN(7) {
	case 0:
		g.add(g.apply("add", x, y))
	case 1:
		g.add(g.apply("sub", x, y))
	case 2:
		g.add(g.apply("mul", g.apply("tanh", x), y))
	case 3:
		g.add(g.apply("max", x, y))
	case 4:
		g.add(g.apply("div", x, g.apply("add", g.apply("abs", y), g.num(y, 1))))
	case 5:
		g.add(g.apply("select", g.apply("gt", x, y), g.apply("sin", x), y))
	default:
		g.add(g.apply("min", x, g.apply("neg", y)))
	}
}

// linear contracts the last axis with a new parameter, or with x itself.
func (g *generator) linear(x *ir.Value) {
	rank := len(x.Type.Shape)
	if rank == 0 || rank > 3 {
		g.unary(x)
		return
	}
	in := x.Type.Shape[rank-1]
	lead := "abc"[:rank-1]
	if _, constant := in.Int(); !constant || g.rng.IntN(4) == 0 {
		y := g.apply("sin", x)
		g.add(g.scaled(g.b.Emit1(op.Einsum{Spec: lead + "k," + lead + "k->" + lead}, x, y)))
		return
	}
	out := dim.Const([]int64{1, 3, 4, 5}[g.rng.IntN(4)])
	var y *ir.Value
	if g.rng.IntN(2) == 0 {
		y = g.b.Emit1(op.Einsum{Spec: lead + "k,nk->" + lead + "n"}, x, g.param(out, in))
	} else {
		y = g.b.Emit1(op.Einsum{Spec: lead + "k,kn->" + lead + "n"}, x, g.param(in, out))
	}
	if g.rng.IntN(2) == 0 {
		y = g.apply("add", y, op.BroadcastTo(g.b, g.param(out), y.Type.Shape))
	}
	g.add(g.scaled(y))
}

// scaled halves a sum, so that values stay moderate.
func (g *generator) scaled(x *ir.Value) *ir.Value { return g.apply("mul", x, g.num(x, 0.5)) }

// axes picks axes of a shape, at least one.
func (g *generator) axes(x *ir.Value) []int {
	var out []int
	for a := range x.Type.Shape {
		if g.rng.IntN(2) == 0 {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		out = []int{g.rng.IntN(len(x.Type.Shape))}
	}
	return out
}

// keep gives a reduced value axes of extent one again.
func keep(b *ir.Builder, v *ir.Value, shape []dim.Dim, axes []int) *ir.Value {
	out := slices.Clone(shape)
	for _, a := range axes {
		out[a] = dim.Const(1)
	}
	return op.ReshapeTo(b, v, out)
}

func (g *generator) reduce(x *ir.Value) {
	if len(x.Type.Shape) == 0 {
		g.unary(x)
		return
	}
	axes := g.axes(x)
	fn := []string{"sum", "sum", "max", "min"}[g.rng.IntN(4)]
	v := g.b.Emit1(op.Reduce{Op: fn, Axes: axes}, x)
	if fn == "sum" {
		v = g.apply("tanh", g.scaled(v))
	}
	if g.rng.IntN(2) == 0 {
		v = keep(g.b, v, x.Type.Shape, axes)
	}
	g.add(v)
}

// softmax normalises over the last axis.
func (g *generator) softmax(x *ir.Value) {
	shape := x.Type.Shape
	if len(shape) == 0 {
		g.unary(x)
		return
	}
	axes := []int{len(shape) - 1}
	if g.rng.IntN(4) == 0 {
		axes = g.axes(x)
	}
	back := func(v *ir.Value) *ir.Value { return op.BroadcastTo(g.b, keep(g.b, v, shape, axes), shape) }
	top := g.b.Emit1(op.StopGradient{}, g.b.Emit1(op.Reduce{Op: "max", Axes: axes}, x))
	e := g.apply("exp", g.apply("sub", x, back(top)))
	g.add(g.apply("div", e, back(op.Sum(g.b, e, axes...))))
}

func (g *generator) view(x *ir.Value) {
	shape := x.Type.Shape
	rank := len(shape)
	if rank == 0 {
		g.unary(x)
		return
	}
	a := g.rng.IntN(rank)
	switch g.rng.IntN(5) {
	case 0:
		perm := g.rng.Perm(rank)
		g.add(op.Permute(g.b, x, perm...))
	case 1: // merge two axes
		if a+1 < rank {
			shape = slices.Concat(shape[:a], []dim.Dim{shape[a].Mul(shape[a+1])}, shape[a+2:])
		}
		g.add(op.ReshapeTo(g.b, x, shape))
	case 2: // split an even axis
		if half, ok := shape[a].Div(dim.Const(2)); ok && rank < 4 {
			shape = slices.Concat(shape[:a], []dim.Dim{dim.Const(2), half}, shape[a+1:])
		}
		g.add(op.ReshapeTo(g.b, x, shape))
	case 3:
		if n, ok := shape[a].Int(); ok && n > 1 {
			s := op.Slice{Axis: a, Start: dim.Const(g.rng.Int64N(n)), Stop: dim.Const(n), Step: 1}
			if g.rng.IntN(3) == 0 {
				s = op.Slice{Axis: a, Stop: dim.Const(n), Step: []int64{-1, 2}[g.rng.IntN(2)]}
			}
			g.add(g.b.Emit1(s, x))
			return
		}
		g.add(g.b.Emit1(op.Slice{Axis: a, Stop: shape[a], Step: -1}, x))
	default:
		if rank < 4 {
			g.add(op.BroadcastTo(g.b, op.Unsqueeze(g.b, x, a), slices.Insert(slices.Clone(shape), a, dim.Const(2))))
		}
	}
}

func (g *generator) join(x *ir.Value) {
	rank := len(x.Type.Shape)
	if rank == 0 {
		g.unary(x)
		return
	}
	a := g.rng.IntN(rank)
	if n, ok := x.Type.Shape[a].Int(); ok && g.rng.IntN(2) == 0 {
		zero := make([]dim.Dim, rank)
		p := op.Pad{Low: zero, High: slices.Clone(zero), Mode: []string{"constant", "replicate", "circular", "reflect"}[g.rng.IntN(4)]}
		amount := dim.Const(1)
		if p.Mode == "reflect" && n < 2 || n > 12 {
			amount = dim.Const(0)
		}
		p.Low = slices.Clone(zero)
		p.Low[a], p.High[a] = amount, amount
		g.add(g.b.Emit1(p, x))
		return
	}
	g.add(g.b.Emit1(op.Concat{Axis: a}, x, g.apply("cos", x)))
}

// move gathers or accumulates along an axis.
func (g *generator) move(x *ir.Value) {
	rank := len(x.Type.Shape)
	if rank == 0 {
		g.unary(x)
		return
	}
	a := g.rng.IntN(rank)
	n, constant := x.Type.Shape[a].Int()
	if !constant || g.rng.IntN(2) == 0 {
		g.add(g.apply("tanh", g.b.Emit1(op.Cumulative{Op: []string{"sum", "max"}[g.rng.IntN(2)], Axis: a, Reverse: g.rng.IntN(2) == 0}, x)))
		return
	}
	pos := g.b.Emit1(op.Iota{Shape: []dim.Dim{dim.Const(n)}, DType: dim.Int32})
	pos = g.apply("mod", g.apply("mul", pos, g.num(pos, 3)), g.num(pos, float64(n)))
	g.add(g.b.Emit1(op.Take{Axis: a}, x, pos))
}

func (g *generator) ordered(x *ir.Value) {
	rank := len(x.Type.Shape)
	if rank == 0 {
		g.unary(x)
		return
	}
	a := g.rng.IntN(rank)
	if n, ok := x.Type.Shape[a].Int(); ok && n > 2 {
		g.add(g.b.Emit(op.TopK{Axis: a, K: 2, Smallest: g.rng.IntN(2) == 0}, x)[0])
		return
	}
	g.add(g.b.Emit(op.Sort{Axis: a, Descending: g.rng.IntN(2) == 0}, x)[0])
}

// pooled reduces windows of the last axis.
func (g *generator) pooled(x *ir.Value) {
	rank := len(x.Type.Shape)
	if rank == 0 || rank > 3 {
		g.unary(x)
		return
	}
	n, ok := x.Type.Shape[rank-1].Int()
	if !ok || n < 3 {
		g.unary(x)
		return
	}
	w := g.b.Emit1(op.Unfold{Kernel: []int{3}, Stride: []int{1 + g.rng.IntN(2)}, Low: []int{1}, High: []int{1}, Dilation: []int{1}, Value: -4}, x)
	fn := []string{"max", "sum"}[g.rng.IntN(2)]
	g.add(g.scaled(g.b.Emit1(op.Reduce{Op: fn, Axes: []int{rank}}, w)))
}

// noisy multiplies by random numbers, as dropout does.
func (g *generator) noisy(x *ir.Value) {
	key := fmt.Sprintf("noise%d", g.rng.IntN(100))
	u := g.b.Emit1(op.Random{Kind: "uniform", Shape: x.Type.Shape, DType: dim.Float32, Key: key})
	g.add(g.apply("select", g.apply("lt", u, g.num(u, 0.25)), g.num(x, 0), x))
}

// finish adds a loss, the updates and a metric.
func (g *generator) finish() {
	g.b.Label = "loss"
	var loss *ir.Value
	for _, v := range g.values[max(0, len(g.values)-3):] {
		axes := make([]int, len(v.Type.Shape))
		for a := range axes {
			axes[a] = a
		}
		v = g.apply("tanh", v)
		term := g.apply("tanh", g.apply("mul", op.Sum(g.b, g.apply("mul", v, v), axes...), op.Constant(g.b, dim.Float32, 0.05)))
		if loss == nil {
			loss = term
		} else {
			loss = g.apply("add", loss, term)
		}
	}
	g.e.Outputs = []ir.Output{{Name: "loss", Value: loss}}
	labels := op.Sum(g.b, op.CastTo(g.b, g.label, dim.Float32), 0)
	g.e.Outputs = append(g.e.Outputs, ir.Output{Name: "labels", Value: labels})
	g.e.Metrics = []ir.Metric{{Name: "labels", Output: 1}}
	g.b.Label = "update"
	grads := g.b.Emit(op.Gradient{}, append([]*ir.Value{loss}, g.params...)...)
	for k, p := range g.params {
		next := g.apply("sub", p, g.apply("mul", grads[k], g.num(p, 0.1)))
		g.e.Stores = append(g.e.Stores, ir.Store{Var: g.e.Reads[k].Var, Value: next})
	}
}

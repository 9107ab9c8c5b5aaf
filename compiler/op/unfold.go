package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Unfold views the last len(Kernel) axes as windows: x [..., spatial...] becomes
// [..., out..., kernel...], where padding reads Value. It is computed where it is
// read, so max pooling is a reduction of it and no window is ever stored.
//
//	dx = fold(dy)
type Unfold struct {
	Kernel, Stride, Low, High, Dilation []int
	Value                               float64
}

// Name returns "unfold".
func (Unfold) Name() string { return "unfold" }

func (u Unfold) window() window { return window{u.Kernel, u.Stride, u.Low, u.High, u.Dilation} }

// Infer appends the kernel's axes.
func (u Unfold) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x, rank := in[0], len(u.Kernel)
	if rank == 0 || rank > len(x.Shape) {
		return nil, errf("windows over %d axes of %s", rank, ShapeString(x.Shape))
	}
	if err := u.window().check(rank); err != nil {
		return nil, err
	}
	lead := len(x.Shape) - rank
	sp, err := u.window().outputs(x.Shape[lead:])
	if err != nil {
		return nil, err
	}
	return []ir.Type{{DType: x.DType, Shape: slices.Concat(x.Shape[:lead], sp, constDims(u.Kernel))}}, nil
}

// Grad folds the windows back.
func (u Unfold) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	shape := i.Args[0].Type.Shape
	return []*ir.Value{b.Emit1(Fold{u.Kernel, u.Stride, u.Low, u.High, u.Dilation, shape[len(shape)-len(u.Kernel):]}, dy[0])}
}

// At reads the element that the tap covers.
func (u Unfold) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	b, x, rank := c.B, c.In[0].Shape, len(u.Kernel)
	lead := len(x) - rank
	p := split(idx, lead, rank, rank)
	at, inside := slices.Clone(p[0]), b.Bool(true)
	for a := range rank {
		i, ok := u.window().inputAt(b, a, p[1][a], p[2][a], x[lead+a])
		at, inside = append(at, i), b.And(inside, ok)
	}
	return []*loop.Expr{Guarded(b, inside, in[0](at), b.Number(c.Out[0].DType, u.Value))}
}

// Eval copies every window.
func (u Unfold) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, rank := c.Result(0), len(u.Kernel)
	lead := len(in[0].Shape) - rank
	ir.Each(out.Shape, func(idx []int) {
		p := split(idx, lead, rank, rank)
		if at, ok := u.window().read(p[1], p[2], in[0].Shape[lead:]); ok {
			out.Set(in[0].At(slices.Concat(p[0], at)...), idx...)
		} else {
			out.Set(u.Value, idx...)
		}
	})
	return []ir.Dense{out}
}

// Fold is the adjoint of Unfold: x [..., out..., kernel...] gives [..., Size...],
// where each element is the sum over the taps that cover it, in row-major order
// of the taps.
//
//	dx = unfold(dy) with padding zero
type Fold struct {
	Kernel, Stride, Low, High, Dilation []int
	Size                                []dim.Dim
}

// Name returns "fold".
func (Fold) Name() string { return "fold" }

func (f Fold) unfold() Unfold {
	return Unfold{Kernel: f.Kernel, Stride: f.Stride, Low: f.Low, High: f.High, Dilation: f.Dilation}
}

// Infer requires the windows of the result to have x's shape.
func (f Fold) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x, rank := in[0], len(f.Kernel)
	lead := len(x.Shape) - 2*rank
	if lead < 0 || len(f.Size) != rank {
		return nil, errf("windows over %d axes, %d sizes, from %s", rank, len(f.Size), ShapeString(x.Shape))
	}
	t := ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:lead], f.Size)}
	back, err := f.unfold().Infer([]ir.Type{t})
	if err != nil {
		return nil, err
	}
	if !dim.EqualShapes(back[0].Shape, x.Shape) {
		return nil, errf("windows of %s have shape %s, have %s", ShapeString(t.Shape), ShapeString(back[0].Shape), ShapeString(x.Shape))
	}
	return []ir.Type{t}, nil
}

// Grad unfolds the adjoint.
func (f Fold) Grad(b *ir.Builder, _ *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.Emit1(f.unfold(), dy[0])}
}

// Reduce sums over the taps that can meet an element: with a stride s every s-th.
func (f Fold) Reduce(c *Context, in []Source, out []*loop.Expr) ReduceSpec {
	b, rank := c.B, len(f.Kernel)
	lead, win := len(out)-rank, f.unfold().window()
	taps := make([]dim.Dim, rank)
	for a := range rank {
		taps[a] = dim.Const(int64(win.phases(a)))
	}
	ax, _ := axes(b, tapNames, taps)
	return ReduceSpec{Axes: ax, Order: loop.Serial, Ops: []loop.Combiner{loop.Sum},
		Value: func(k []*loop.Expr) []*loop.Expr {
			at, inside := slices.Clone(out[:lead]), b.Bool(true)
			tap := make([]*loop.Expr, rank)
			for a := range rank {
				var o, ok *loop.Expr
				o, tap[a], ok = win.phaseAt(b, a, out[lead+a], k[a], c.In[0].Shape[lead+a])
				at, inside = append(at, o), b.And(inside, ok)
			}
			v := in[0](append(at, tap...))
			return []*loop.Expr{Guarded(b, inside, v, b.Number(v.Type, 0))}
		}}
}

// Eval adds every window to what it covers.
func (f Fold) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, rank := c.Result(0), len(f.Kernel)
	lead := len(out.Shape) - rank
	ir.Each(in[0].Shape, func(idx []int) {
		p := split(idx, lead, rank, rank)
		if at, ok := f.unfold().window().read(p[1], p[2], out.Shape[lead:]); ok {
			out.Data[out.Offset(slices.Concat(p[0], at))] += in[0].At(idx...)
		}
	})
	return []ir.Dense{out}
}

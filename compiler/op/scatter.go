package op

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// ScatterAdd adds src to a copy of x along Axis at positions idx of src's shape,
// as torch.scatter_add: y[idx[i][j]][j] += src[i][j] for Axis 0. Sums run in
// index order for each destination. Positions are clamped as Gather's are.
//
//	dx = dy, dsrc = gather(dy, idx)
type ScatterAdd struct{ Axis int }

// Name returns "scatter_add".
func (ScatterAdd) Name() string { return "scatter_add" }

// Infer requires x, integer positions and a source of the positions' shape.
func (s ScatterAdd) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 3); err != nil {
		return nil, err
	}
	got, err := Gather(s).Infer(in[:2])
	if err != nil {
		return nil, err
	}
	if in[2].DType != in[0].DType || !dim.EqualShapes(in[2].Shape, got[0].Shape) {
		return nil, errf("source %s does not match positions %s and %s", TypeString(in[2]), ShapeString(in[1].Shape), TypeString(in[0]))
	}
	return in[:1], nil
}

// Grad is described at the type.
func (s ScatterAdd) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 3)
	}
	return []*ir.Value{dy[0], nil, b.Emit1(Gather(s), dy[0], i.Args[1])}
}

// LowerKernel runs in parallel over the other axes: a copy, then the sums.
func (s ScatterAdd) LowerKernel(c *Context) *loop.Kernel {
	k := newKernel(c)
	at := make([]*loop.Expr, len(c.In[0].Shape))
	for a, d := range c.Out[0].Shape {
		if a != s.Axis {
			at[a] = k.space(c, a, d)
		}
	}
	along := &loop.Axis{Name: "p", Extent: c.Out[0].Shape[s.Axis]}
	to := with(at, s.Axis, c.B.Axis(along))
	k.phase(loop.Map, along, k.store(3, to, c.B.Load(k.Params[0], to...)))
	src := &loop.Axis{Name: "s", Extent: c.In[1].Shape[s.Axis]}
	from := with(at, s.Axis, c.B.Axis(src))
	pos := clampIndex(c, c.B.Load(k.Params[1], from...), c.Out[0].Shape[s.Axis])
	k.phase(loop.ScatterAdd, src, k.store(3, with(at, s.Axis, pos), c.B.Load(k.Params[2], from...)))
	return k.Kernel
}

// Eval adds in index order.
func (s ScatterAdd) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	copy(out.Data, in[0].Data)
	ir.Each(in[1].Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[s.Axis] = clampInt(in[1].At(idx...), out.Shape[s.Axis])
		out.Data[out.Offset(at)] += in[2].At(idx...)
	})
	return []ir.Dense{out}
}

// ScatterTake is the adjoint of Take: zeros with an axis of extent Size, to which
// slices of src are added at positions idx, in index order for each destination.
//
//	dsrc = take(dy, idx)
type ScatterTake struct {
	Axis int
	Size dim.Dim
}

// Name returns "scatter_take".
func (ScatterTake) Name() string { return "scatter_take" }

// Infer replaces the axes of the positions by one axis of extent Size.
func (s ScatterTake) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	r := len(in[0].Shape)
	if !in[0].DType.IsInt() {
		return nil, errf("positions have element type %s, want an integer type", in[0].DType)
	}
	if s.Axis < 0 || s.Axis+r > len(in[1].Shape) || !dim.EqualShapes(in[0].Shape, in[1].Shape[s.Axis:s.Axis+r]) {
		return nil, errf("positions %s do not match axes %d to %d of %s", ShapeString(in[0].Shape), s.Axis, s.Axis+r, ShapeString(in[1].Shape))
	}
	shape := slices.Concat(in[1].Shape[:s.Axis], []dim.Dim{s.Size}, in[1].Shape[s.Axis+r:])
	return []ir.Type{{DType: in[1].DType, Shape: shape}}, nil
}

// Grad takes the adjoint's slices.
func (s ScatterTake) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 2)
	}
	return []*ir.Value{nil, b.Emit1(Take{s.Axis}, dy[0], i.Args[0])}
}

// LowerKernel runs in parallel over the slices' axes: zeros, then the sums.
func (s ScatterTake) LowerKernel(c *Context) *loop.Kernel {
	k, r := newKernel(c), len(c.In[0].Shape)
	at := make([]*loop.Expr, len(c.Out[0].Shape))
	for a, d := range c.Out[0].Shape {
		if a != s.Axis {
			at[a] = k.space(c, a, d)
		}
	}
	along := &loop.Axis{Name: "p", Extent: s.Size}
	k.phase(loop.Map, along, k.store(2, with(at, s.Axis, c.B.Axis(along)), c.B.Number(c.Out[0].DType, 0)))
	ph := &loop.Phase{Kind: loop.ScatterAdd}
	var idx []*loop.Expr
	for i, d := range c.In[0].Shape {
		ax := &loop.Axis{Name: fmt.Sprintf("s%d", i), Extent: d}
		ph.Axes, idx = append(ph.Axes, ax), append(idx, c.B.Axis(ax))
	}
	from := slices.Concat(at[:s.Axis], idx, at[s.Axis+1:])
	pos := clampIndex(c, c.B.Load(k.Params[0], idx[:r]...), s.Size)
	ph.Stores = []*loop.Store{k.store(2, with(at, s.Axis, pos), c.B.Load(k.Params[1], from...))}
	k.Phases = append(k.Phases, ph)
	return k.Kernel
}

// Eval adds in index order.
func (s ScatterTake) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, r := c.Result(0), len(in[0].Shape)
	ir.Each(in[1].Shape, func(idx []int) {
		pos := clampInt(in[0].At(idx[s.Axis:s.Axis+r]...), out.Shape[s.Axis])
		at := slices.Concat(idx[:s.Axis], []int{pos}, idx[s.Axis+r:])
		out.Data[out.Offset(at)] += in[1].At(idx...)
	})
	return []ir.Dense{out}
}

// kernel builds a kernel whose parameters are the arguments, then the results.
type kernel struct{ *loop.Kernel }

func newKernel(c *Context) kernel {
	k := &loop.Kernel{}
	for i, t := range c.In {
		k.Params = append(k.Params, &loop.Param{Name: fmt.Sprintf("x%d", i), DType: t.DType, Shape: t.Shape, Read: true})
	}
	for i, t := range c.Out {
		k.Params = append(k.Params, &loop.Param{Name: fmt.Sprintf("y%d", i), DType: t.DType, Shape: t.Shape, Write: true})
	}
	return kernel{k}
}

// space adds an axis of independent points and returns its index.
func (k kernel) space(c *Context, a int, d dim.Dim) *loop.Expr {
	ax := &loop.Axis{Name: fmt.Sprintf("i%d", a), Extent: d}
	k.Space = append(k.Space, ax)
	return c.B.Axis(ax)
}

func (k kernel) phase(kind loop.PhaseKind, axis *loop.Axis, stores ...*loop.Store) {
	k.Phases = append(k.Phases, &loop.Phase{Kind: kind, Axes: []*loop.Axis{axis}, Stores: stores})
}

func (k kernel) store(param int, idx []*loop.Expr, v *loop.Expr) *loop.Store {
	return &loop.Store{Param: k.Params[param], Index: idx, Value: v}
}

// with returns idx with one index replaced.
func with(idx []*loop.Expr, axis int, e *loop.Expr) []*loop.Expr {
	out := slices.Clone(idx)
	out[axis] = e
	return out
}

package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Gather reads x along Axis at positions idx of the same rank, as torch.gather:
// y[i][j] = x[idx[i][j]][j] for Axis 0. Where idx has extent one along Axis the
// gradient is a select over a count, which fuses; otherwise a scatter-add. An
// index outside the axis is an error of the caller; kernels clamp it, so that no
// memory outside is read.
type Gather struct{ Axis int }

// Name returns "gather".
func (Gather) Name() string { return "gather" }

// Infer requires equal ranks and integer positions; other axes must agree.
func (g Gather) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := axisIn(g.Axis, in[0]); err != nil {
		return nil, err
	}
	if !in[1].DType.IsInt() {
		return nil, errf("positions have element type %s, want an integer type", in[1].DType)
	}
	if len(in[0].Shape) != len(in[1].Shape) {
		return nil, errf("%s and positions %s have different ranks", ShapeString(in[0].Shape), ShapeString(in[1].Shape))
	}
	for a := range in[0].Shape {
		if a != g.Axis && !in[0].Shape[a].Equal(in[1].Shape[a]) {
			return nil, errf("%s and positions %s differ on axis %d", ShapeString(in[0].Shape), ShapeString(in[1].Shape), a)
		}
	}
	return []ir.Type{{DType: in[0].DType, Shape: in[1].Shape}}, nil
}

// Grad is described at the type.
func (g Gather) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil, nil}
	}
	x, idx := i.Args[0], i.Args[1]
	if idx.Type.Shape[g.Axis].Is(1) {
		shape := x.Type.Shape
		pos := b.Emit1(Iota{Shape: shape, Axis: g.Axis, DType: idx.Type.DType})
		hit := Apply(b, "eq", pos, BroadcastTo(b, idx, shape))
		spread := BroadcastTo(b, dy[0], shape)
		return []*ir.Value{Apply(b, "select", hit, spread, Full(b, spread.Type, 0)), nil}
	}
	zero := Full(b, x.Type, 0)
	return []*ir.Value{b.Emit1(ScatterAdd(g), zero, idx, dy[0]), nil}
}

// At reads at the clamped position.
func (g Gather) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	at := slices.Clone(idx)
	at[g.Axis] = clampIndex(c, in[1](idx), c.In[0].Shape[g.Axis])
	return []*loop.Expr{in[0](at)}
}

// clampIndex turns a position read from memory into an index inside an axis.
func clampIndex(c *Context, pos *loop.Expr, n dim.Dim) *loop.Expr {
	b := c.B
	p := b.Cast(dim.Int64, pos)
	p = b.Bin(loop.Max, p, b.Int(0))
	return b.Bin(loop.Min, p, b.Sub(b.Dim(n), b.Int(1)))
}

// Eval reads every element.
func (g Gather) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	ir.Each(out.Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[g.Axis] = clampInt(in[1].At(idx...), in[0].Shape[g.Axis])
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

func clampInt(v float64, n int) int { return min(max(int(v), 0), n-1) }

// Take reads whole slices of x along Axis at positions idx of any rank, which
// replace the axis: an embedding, or index_select. Positions are clamped as
// Gather's are.
//
//	dx = scatter_take(idx, dy)
type Take struct{ Axis int }

// Name returns "take".
func (Take) Name() string { return "take" }

// Infer puts the shape of the positions in the axis's place.
func (t Take) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := axisIn(t.Axis, in[0]); err != nil {
		return nil, err
	}
	if !in[1].DType.IsInt() {
		return nil, errf("positions have element type %s, want an integer type", in[1].DType)
	}
	shape := slices.Concat(in[0].Shape[:t.Axis], in[1].Shape, in[0].Shape[t.Axis+1:])
	return []ir.Type{{DType: in[0].DType, Shape: shape}}, nil
}

// Grad adds the adjoint's slices up where they came from.
func (t Take) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil, nil}
	}
	size := i.Args[0].Type.Shape[t.Axis]
	return []*ir.Value{b.Emit1(ScatterTake{t.Axis, size}, i.Args[1], dy[0]), nil}
}

// At reads at the clamped position.
func (t Take) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	r := len(c.In[1].Shape)
	pos := clampIndex(c, in[1](idx[t.Axis:t.Axis+r]), c.In[0].Shape[t.Axis])
	at := slices.Concat(idx[:t.Axis], []*loop.Expr{pos}, idx[t.Axis+r:])
	return []*loop.Expr{in[0](at)}
}

// Eval reads every element.
func (t Take) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, r := c.Result(0), len(in[1].Shape)
	ir.Each(out.Shape, func(idx []int) {
		pos := clampInt(in[1].At(idx[t.Axis:t.Axis+r]...), in[0].Shape[t.Axis])
		at := slices.Concat(idx[:t.Axis], []int{pos}, idx[t.Axis+r:])
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

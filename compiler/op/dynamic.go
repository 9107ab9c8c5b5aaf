package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// DynamicSlice takes Size elements of Axis from a position known at run time, an
// integer of rank 0. The position is moved so that the slice lies inside.
//
//	dx = update_slice(zeros, dy, position)
type DynamicSlice struct {
	Axis int
	Size dim.Dim
}

// Name returns "dynamic_slice".
func (DynamicSlice) Name() string { return "dynamic_slice" }

// Infer sets the axis's extent, which must not grow.
func (s DynamicSlice) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := axisIn(s.Axis, in[0]); err != nil {
		return nil, err
	}
	if err := checkPosition(in[1]); err != nil {
		return nil, err
	}
	if n, ok := in[0].Shape[s.Axis].Sub(s.Size).Int(); ok && n < 0 {
		return nil, errf("%s elements of axis %d of %s", s.Size, s.Axis, ShapeString(in[0].Shape))
	}
	t := ir.Type{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	t.Shape[s.Axis] = s.Size
	return []ir.Type{t}, nil
}

func checkPosition(t ir.Type) error {
	if !t.DType.IsInt() || len(t.Shape) != 0 {
		return errf("the position is %s, want an integer of rank 0", TypeString(t))
	}
	return nil
}

// Grad puts the adjoint into zeros.
func (s DynamicSlice) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 2)
	}
	zero := Full(b, i.Args[0].Type, 0)
	return []*ir.Value{b.Emit1(UpdateSlice{s.Axis}, zero, dy[0], i.Args[1]), nil}
}

// start is a position moved so that size elements from it lie inside extent.
func start(c *Context, pos *loop.Expr, extent, size dim.Dim) *loop.Expr {
	return clampIndex(c, pos, extent.Sub(size).Add(dim.Const(1)))
}

// At reads behind the position.
func (s DynamicSlice) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	from := start(c, in[1](nil), c.In[0].Shape[s.Axis], s.Size)
	return []*loop.Expr{in[0](with(idx, s.Axis, c.B.Add(from, idx[s.Axis])))}
}

// Eval copies the slice.
func (s DynamicSlice) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	from := clampInt(in[1].Data[0], in[0].Shape[s.Axis]-out.Shape[s.Axis]+1)
	ir.Each(out.Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[s.Axis] += from
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

// UpdateSlice is x with the elements of Axis from a run-time position on replaced
// by update. The position is moved so that the update lies inside.
//
//	dx = update_slice(dy, zeros, position), dupdate = dynamic_slice(dy, position)
type UpdateSlice struct{ Axis int }

// Name returns "update_slice".
func (UpdateSlice) Name() string { return "update_slice" }

// Infer keeps the type of x; the update agrees on the other axes and fits.
func (s UpdateSlice) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 3); err != nil {
		return nil, err
	}
	if len(in[0].Shape) != len(in[1].Shape) || in[0].DType != in[1].DType {
		return nil, errf("update %s does not fit %s", TypeString(in[1]), TypeString(in[0]))
	}
	if err := axisIn(s.Axis, in[0]); err != nil {
		return nil, err
	}
	want, err := DynamicSlice{s.Axis, in[1].Shape[s.Axis]}.Infer([]ir.Type{in[0], in[2]})
	if err != nil {
		return nil, err
	}
	if !dim.EqualShapes(want[0].Shape, in[1].Shape) {
		return nil, errf("update %s does not fit %s: axes other than %d differ", ShapeString(in[1].Shape), ShapeString(in[0].Shape), s.Axis)
	}
	return in[:1], nil
}

// Grad is described at the type.
func (s UpdateSlice) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 3)
	}
	update, pos := i.Args[1], i.Args[2]
	return []*ir.Value{
		b.Emit1(s, dy[0], Full(b, update.Type, 0), pos),
		b.Emit1(DynamicSlice{s.Axis, update.Type.Shape[s.Axis]}, dy[0], pos),
		nil,
	}
}

// At reads the update inside its range and x elsewhere.
func (s UpdateSlice) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	b, size := c.B, c.In[1].Shape[s.Axis]
	from := start(c, in[2](nil), c.In[0].Shape[s.Axis], size)
	at := b.Sub(idx[s.Axis], from)
	inside := b.And(b.Bin(loop.Le, b.Int(0), at), b.Bin(loop.Lt, at, b.Dim(size)))
	return []*loop.Expr{Guarded(b, inside, in[1](with(idx, s.Axis, at)), in[0](idx))}
}

// Target is the place in x of the update's element at idx, for lowering that
// replaces the elements in x's own memory.
func (s UpdateSlice) Target(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	from := start(c, in[2](nil), c.In[0].Shape[s.Axis], c.In[1].Shape[s.Axis])
	return with(idx, s.Axis, c.B.Add(idx[s.Axis], from))
}

// Eval copies x, then the update.
func (s UpdateSlice) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	copy(out.Data, in[0].Data)
	from := clampInt(in[2].Data[0], out.Shape[s.Axis]-in[1].Shape[s.Axis]+1)
	ir.Each(in[1].Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[s.Axis] += from
		out.Set(in[1].At(idx...), at...)
	})
	return []ir.Dense{out}
}

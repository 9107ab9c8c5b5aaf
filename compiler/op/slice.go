package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Slice keeps the indices Start, Start+Step, ... before Stop of one axis. With a
// negative Step it runs from Stop-1 down to Start: Step -1 over the whole axis
// flips it. Bounds satisfy 0 <= Start <= Stop <= extent, as the builder resolved them.
//
//	dx = zeros with dy in the slice's place
type Slice struct {
	Axis        int
	Start, Stop dim.Dim
	Step        int64
}

// Name returns "slice".
func (Slice) Name() string { return "slice" }

// Infer counts the indices kept.
func (s Slice) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := axisIn(s.Axis, in[0]); err != nil {
		return nil, err
	}
	if s.Step == 0 {
		return nil, errf("a slice's step is 0")
	}
	extent := in[0].Shape[s.Axis]
	for _, c := range []struct {
		what string
		gap  dim.Dim
	}{{"start below 0", s.Start}, {"stop before start", s.Stop.Sub(s.Start)}, {"stop after the end", extent.Sub(s.Stop)}} {
		if n, ok := c.gap.Int(); ok && n < 0 {
			return nil, errf("slice %s:%s of axis %d with extent %s: %s", s.Start, s.Stop, s.Axis, extent, c.what)
		}
	}
	t := ir.Type{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	t.Shape[s.Axis] = s.Stop.Sub(s.Start).CeilDiv(dim.Const(max(s.Step, -s.Step)))
	return []ir.Type{t}, nil
}

// Grad scatters the adjoint into zeros with the adjoint operation Unslice.
func (s Slice) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.Emit1(Unslice{s.Axis, s.Start, s.Stop, s.Step, i.Args[0].Type.Shape[s.Axis]}, dy[0])}
}

// index is the operand's index for index k of the result.
func (s Slice) index(b *loop.Builder, k *loop.Expr) *loop.Expr {
	if s.Step > 0 {
		return b.Add(b.Dim(s.Start), b.Mul(k, b.Int(s.Step)))
	}
	return b.Sub(b.Dim(s.Stop.Sub(dim.Const(1))), b.Mul(k, b.Int(-s.Step)))
}

// At reads at the slice's index.
func (s Slice) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	return []*loop.Expr{in[0](with(idx, s.Axis, s.index(c.B, idx[s.Axis])))}
}

// position is the operand's index for index k of the result, concretely.
func (s Slice) position(c *EvalContext, k int) int {
	if s.Step > 0 {
		return c.Size(s.Start) + k*int(s.Step)
	}
	return c.Size(s.Stop) - 1 + k*int(s.Step)
}

// Eval copies the elements kept.
func (s Slice) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	ir.Each(out.Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[s.Axis] = s.position(c, idx[s.Axis])
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

// Unslice is the adjoint of Slice: zeros of extent Extent along the axis, with x
// at the indices that the slice keeps.
//
//	dx = slice(dy)
type Unslice struct {
	Axis        int
	Start, Stop dim.Dim
	Step        int64
	Extent      dim.Dim
}

// slice is the slice that u undoes.
func (u Unslice) slice() Slice { return Slice{u.Axis, u.Start, u.Stop, u.Step} }

// Name returns "unslice".
func (Unslice) Name() string { return "unslice" }

// Infer requires the operand to be a slice's result.
func (u Unslice) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := axisIn(u.Axis, in[0]); err != nil {
		return nil, err
	}
	t := ir.Type{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	t.Shape[u.Axis] = u.Extent
	back, err := u.slice().Infer([]ir.Type{t})
	if err != nil {
		return nil, err
	}
	if !dim.EqualShapes(back[0].Shape, in[0].Shape) {
		return nil, errf("%s is not that slice of %s", ShapeString(in[0].Shape), ShapeString(t.Shape))
	}
	return []ir.Type{t}, nil
}

// Grad slices the adjoint.
func (u Unslice) Grad(b *ir.Builder, _ *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.Emit1(u.slice(), dy[0])}
}

// At reads where the index is one of the slice's, and is zero elsewhere.
func (u Unslice) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	b, s := c.B, u.slice()
	i := idx[s.Axis]
	off := b.Sub(i, b.Dim(s.Start))
	if s.Step < 0 {
		off = b.Sub(b.Dim(s.Stop.Sub(dim.Const(1))), i)
	}
	step := b.Int(max(s.Step, -s.Step))
	inside := b.And(b.Bin(loop.Le, b.Dim(s.Start), i), b.Bin(loop.Lt, i, b.Dim(s.Stop)),
		b.Bin(loop.Eq, b.Bin(loop.Mod, off, step), b.Int(0)))
	k := b.Bin(loop.FloorDiv, off, step)
	return []*loop.Expr{Guarded(b, inside, in[0](with(idx, s.Axis, k)), b.Number(c.Out[0].DType, 0))}
}

// Eval places the elements.
func (u Unslice) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	ir.Each(in[0].Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[u.Axis] = u.slice().position(c, idx[u.Axis])
		out.Set(in[0].At(idx...), at...)
	})
	return []ir.Dense{out}
}

package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Concat joins tensors along Axis.
//
//	dx_i = the slice of dy that x_i became
type Concat struct{ Axis int }

// Name returns "concat".
func (Concat) Name() string { return "concat" }

// Infer adds the extents up; other axes must agree.
func (k Concat) Infer(in []ir.Type) ([]ir.Type, error) {
	if len(in) == 0 {
		return nil, errf("nothing to join")
	}
	if err := axisIn(k.Axis, in[0]); err != nil {
		return nil, err
	}
	t := ir.Type{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	for _, x := range in[1:] {
		if x.DType != t.DType {
			return nil, errf("element types %s and %s differ; cast one of them", t.DType, x.DType)
		}
		if len(x.Shape) != len(t.Shape) {
			return nil, errf("%s and %s have different ranks", ShapeString(in[0].Shape), ShapeString(x.Shape))
		}
		for a, d := range x.Shape {
			if a != k.Axis && !d.Equal(t.Shape[a]) {
				return nil, errf("%s and %s differ on axis %d, which is not the axis %d they are joined along",
					ShapeString(in[0].Shape), ShapeString(x.Shape), a, k.Axis)
			}
		}
		t.Shape[k.Axis] = t.Shape[k.Axis].Add(x.Shape[k.Axis])
	}
	return []ir.Type{t}, nil
}

// starts returns where each operand begins along the axis, and the end.
func (k Concat) starts(in []ir.Type) []dim.Dim {
	at := make([]dim.Dim, len(in)+1)
	for i, t := range in {
		at[i+1] = at[i].Add(t.Shape[k.Axis])
	}
	return at
}

// Grad slices the adjoint.
func (k Concat) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	out := make([]*ir.Value, len(i.Args))
	if dy[0] == nil {
		return out
	}
	types := make([]ir.Type, len(i.Args))
	for j, a := range i.Args {
		types[j] = a.Type
	}
	at := k.starts(types)
	for j := range i.Args {
		out[j] = b.Emit1(Slice{Axis: k.Axis, Start: at[j], Stop: at[j+1], Step: 1}, dy[0])
	}
	return out
}

// At reads the operand that holds the index.
func (k Concat) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	b, at, i := c.B, k.starts(c.In), idx[k.Axis]
	read := func(j int) *loop.Expr { return in[j](with(idx, k.Axis, b.Sub(i, b.Dim(at[j])))) }
	v := read(len(in) - 1)
	for j := len(in) - 2; j >= 0; j-- {
		// Every branch guards its own loads: the later ones hold indices below their start.
		v = Guarded(b, b.Bin(loop.Lt, i, b.Dim(at[j+1])), read(j), guardBelow(b, i, at[j+1], v))
	}
	return []*loop.Expr{v}
}

// guardBelow guards v by i >= start.
func guardBelow(b *loop.Builder, i *loop.Expr, start dim.Dim, v *loop.Expr) *loop.Expr {
	return Guarded(b, b.Bin(loop.Le, b.Dim(start), i), v, b.Number(v.Type, 0))
}

// Eval copies every operand to its place.
func (k Concat) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, start := c.Result(0), 0
	for _, x := range in {
		ir.Each(x.Shape, func(idx []int) {
			at := slices.Clone(idx)
			at[k.Axis] += start
			out.Set(x.At(idx...), at...)
		})
		start += x.Shape[k.Axis]
	}
	return []ir.Dense{out}
}

package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Broadcast repeats a tensor along axes that it lacks, on the left, or where
// its extent is one, as NumPy does.
//
//	dx = sum of dy over the repeated axes
type Broadcast struct{ Shape []dim.Dim }

// Name returns "broadcast".
func (Broadcast) Name() string { return "broadcast" }

// Infer requires every axis of the operand, aligned on the right, to be one or equal.
func (s Broadcast) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	from := in[0].Shape
	off := len(s.Shape) - len(from)
	if off < 0 {
		return nil, errf("cannot broadcast %s to %s, which has fewer axes", ShapeString(from), ShapeString(s.Shape))
	}
	for i, d := range from {
		if !d.Is(1) && !d.Equal(s.Shape[off+i]) {
			return nil, errf("cannot broadcast %s to %s: %s meets %s", ShapeString(from), ShapeString(s.Shape), d, s.Shape[off+i])
		}
	}
	return []ir.Type{{DType: in[0].DType, Shape: s.Shape}}, nil
}

// repeated lists the axes of the result that repeat the operand.
func (s Broadcast) repeated(from []dim.Dim) []int {
	var axes []int
	off := len(s.Shape) - len(from)
	for a := range s.Shape {
		if a < off || from[a-off].Is(1) && !s.Shape[a].Is(1) {
			axes = append(axes, a)
		}
	}
	return axes
}

// Grad sums over the repeated axes.
func (s Broadcast) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	from := i.Args[0].Type.Shape
	dx := Sum(b, dy[0], s.repeated(from)...)
	return []*ir.Value{ReshapeTo(b, dx, from)}
}

// At reads the operand at 0 along repeated axes.
func (s Broadcast) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	from := c.In[0].Shape
	off := len(s.Shape) - len(from)
	at := make([]*loop.Expr, len(from))
	for i, d := range from {
		if at[i] = idx[off+i]; d.Is(1) {
			at[i] = c.B.Int(0)
		}
	}
	return []*loop.Expr{in[0](at)}
}

// Eval repeats the elements.
func (s Broadcast) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	off := len(out.Shape) - len(in[0].Shape)
	at := make([]int, len(in[0].Shape))
	ir.Each(out.Shape, func(idx []int) {
		for i, n := range in[0].Shape {
			if at[i] = idx[off+i]; n == 1 {
				at[i] = 0
			}
		}
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

// BroadcastTo emits a broadcast unless x has the shape already.
func BroadcastTo(b *ir.Builder, x *ir.Value, shape []dim.Dim) *ir.Value {
	if dim.EqualShapes(x.Type.Shape, shape) {
		return x
	}
	return b.Emit1(Broadcast{slices.Clone(shape)}, x)
}

// CommonShape returns the shape that two shapes broadcast to. Its error names
// the axes that do not agree.
func CommonShape(a, b []dim.Dim) ([]dim.Dim, error) {
	if len(a) < len(b) {
		c, err := CommonShape(b, a)
		if err != nil {
			return nil, errf("shapes %s and %s do not broadcast", ShapeString(a), ShapeString(b))
		}
		return c, nil
	}
	out, off := slices.Clone(a), len(a)-len(b)
	for i, d := range b {
		e := a[off+i]
		switch {
		case e.Equal(d) || d.Is(1):
		case e.Is(1):
			out[off+i] = d
		default:
			return nil, errf("shapes %s and %s do not broadcast: %s meets %s", ShapeString(a), ShapeString(b), e, d)
		}
	}
	return out, nil
}

// Align emits broadcasts that give all of xs their common shape.
func Align(b *ir.Builder, xs ...*ir.Value) ([]*ir.Value, error) {
	shape := xs[0].Type.Shape
	for _, x := range xs[1:] {
		var err error
		if shape, err = CommonShape(shape, x.Type.Shape); err != nil {
			return nil, err
		}
	}
	out := make([]*ir.Value, len(xs))
	for i, x := range xs {
		out[i] = BroadcastTo(b, x, shape)
	}
	return out, nil
}

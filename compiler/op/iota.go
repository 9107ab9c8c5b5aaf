package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Iota counts 0, 1, 2, ... along Axis and repeats along the others.
type Iota struct {
	Shape []dim.Dim
	Axis  int
	DType dim.DType
}

// Name returns "iota".
func (Iota) Name() string { return "iota" }

// Infer gives the type of the attributes.
func (o Iota) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 0); err != nil {
		return nil, err
	}
	t := ir.Type{DType: o.DType, Shape: slices.Clone(o.Shape)}
	if o.DType == dim.Bool {
		return nil, errf("iota counts in numbers, not bool")
	}
	return []ir.Type{t}, axisIn(o.Axis, t)
}

// At is the index itself.
func (o Iota) At(c *Context, _ []Source, idx []*loop.Expr) []*loop.Expr {
	return []*loop.Expr{c.B.Cast(o.DType, idx[o.Axis])}
}

// Eval counts.
func (o Iota) Eval(c *EvalContext, _ []ir.Dense) []ir.Dense {
	out := c.Result(0)
	ir.Each(out.Shape, func(idx []int) { out.Set(float64(idx[o.Axis]), idx...) })
	return []ir.Dense{out}
}

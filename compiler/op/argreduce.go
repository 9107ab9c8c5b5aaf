package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// ArgReduce gives the lowest index along Axis at which x is max or min (Op), as
// int32, and drops the axis. A NaN is the most extreme value. It has no gradient.
type ArgReduce struct {
	Op   string
	Axis int
}

// Name returns "arg_reduce".
func (ArgReduce) Name() string { return "arg_reduce" }

// Infer drops the axis, which must not be empty.
func (r ArgReduce) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if r.Op != "max" && r.Op != "min" {
		return nil, errf("no arg-reduction %q", r.Op)
	}
	if err := axisIn(r.Axis, in[0]); err != nil {
		return nil, err
	}
	if in[0].Shape[r.Axis].Is(0) {
		return nil, errf("arg%s over the empty axis %d of %s", r.Op, r.Axis, ShapeString(in[0].Shape))
	}
	return []ir.Type{{DType: dim.Int32, Shape: dropAxes(in[0].Shape, []int{r.Axis})}}, nil
}

// Grad is none.
func (ArgReduce) Grad(_ *ir.Builder, i *ir.Instr, _ []*ir.Value) []*ir.Value {
	return make([]*ir.Value, len(i.Args))
}

// Reduce gives one reducer over the axis.
func (r ArgReduce) Reduce(c *Context, in []Source, out []*loop.Expr) ReduceSpec {
	op := loop.ArgMaxOf
	if r.Op == "min" {
		op = loop.ArgMinOf
	}
	return reduceSpec(c, []int{r.Axis}, op, in[0], out)
}

// Eval scans the axis.
func (r ArgReduce) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out, x := c.Result(0), in[0]
	ir.Each(out.Shape, func(idx []int) {
		at := slices.Insert(slices.Clone(idx), r.Axis, 0)
		best, bestAt := x.At(at...), 0
		for i := 1; i < x.Shape[r.Axis] && best == best; i++ {
			at[r.Axis] = i
			v := x.At(at...)
			if v != v || r.Op == "max" && v > best || r.Op == "min" && v < best {
				best, bestAt = v, i
			}
		}
		out.Set(float64(bestAt), idx...)
	})
	return []ir.Dense{out}
}

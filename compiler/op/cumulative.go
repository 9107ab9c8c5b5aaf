package op

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Cumulative combines the elements up to and including each index along Axis,
// from the end with Reverse. Op is sum, prod, max or min.
//
//	sum:  dx = cumulative sum of dy the other way
//	prod: dx = (cumulative sum of dy y the other way) / x, for x without zeros
//	max:  dx = each dy added where its extreme value stands, the latest such place
type Cumulative struct {
	Op      string
	Axis    int
	Reverse bool
}

// Name returns "cumulative".
func (Cumulative) Name() string { return "cumulative" }

// Infer keeps the type.
func (k Cumulative) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if _, ok := cumulativeOps[k.Op]; !ok {
		return nil, errf("no cumulative %q", k.Op)
	}
	if in[0].DType == dim.Bool {
		return nil, errf("cumulative %s works on numbers, have bool", k.Op)
	}
	return in, axisIn(k.Axis, in[0])
}

var cumulativeOps = map[string]struct {
	op    loop.Op
	start float64
}{
	"sum": {loop.Add, 0}, "prod": {loop.Mul, 1}, "max": {loop.Max, math.Inf(-1)}, "min": {loop.Min, math.Inf(1)},
}

// Grad is described at the type.
func (k Cumulative) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	back := Cumulative{"sum", k.Axis, !k.Reverse}
	switch k.Op {
	case "sum":
		return []*ir.Value{b.Emit1(back, dy[0])}
	case "prod":
		s := b.Emit1(back, Apply(b, "mul", dy[0], i.Results[0]))
		return []*ir.Value{Apply(b, "div", s, i.Args[0])}
	}
	zero := Full(b, dy[0].Type, 0)
	return []*ir.Value{b.Emit1(ScatterAdd{k.Axis}, zero, k.places(b, i.Args[0], i.Results[0]), dy[0])}
}

// places is, at each index, where the extreme value so far stands: the last index
// passed at which x is the extreme y itself.
func (k Cumulative) places(b *ir.Builder, x, y *ir.Value) *ir.Value {
	at := b.Emit1(Iota{Shape: x.Type.Shape, Axis: k.Axis, DType: dim.Int32})
	latest, none := "max", 0.0
	if k.Reverse {
		latest, none = "min", math.MaxInt32
	}
	hits := Apply(b, "select", Apply(b, "eq", x, y), at, Full(b, at.Type, none))
	return b.Emit1(Cumulative{latest, k.Axis, k.Reverse}, hits)
}

// SequenceAxis is the axis of the sequence.
func (k Cumulative) SequenceAxis() int { return k.Axis }

// Sequence carries the combined value.
func (k Cumulative) Sequence(c *Context, in []Source, out []*loop.Expr) SequenceSpec {
	row := cumulativeOps[k.Op]
	return SequenceSpec{
		Reverse: k.Reverse,
		Init:    startValue(c.B, c.Out[0].DType, row.start),
		Next:    func(old *loop.Expr) *loop.Expr { return c.B.Bin(row.op, old, in[0](out)) },
	}
}

// startValue is v, or the end of an integer type's range for an infinite v.
func startValue(b *loop.Builder, t dim.DType, v float64) *loop.Expr {
	if t.IsFloat() || !math.IsInf(v, 0) {
		return b.Number(t, v)
	}
	least := int64(-1) << (8*t.Size() - 1)
	if t == dim.Uint8 || t == dim.Uint32 {
		least = 0
	}
	if v < 0 {
		return b.IntOf(t, least)
	}
	if least == 0 {
		return b.IntOf(t, 1<<(8*t.Size())-1)
	}
	return b.IntOf(t, -1-least)
}

// Eval runs along the axis.
func (k Cumulative) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	n := out.Shape[k.Axis]
	ir.Each(out.Shape, func(idx []int) {
		if idx[k.Axis] != 0 {
			return
		}
		acc := cumulativeOps[k.Op].start
		at := append([]int(nil), idx...)
		for s := range n {
			if at[k.Axis] = s; k.Reverse {
				at[k.Axis] = n - 1 - s
			}
			v := in[0].At(at...)
			switch k.Op {
			case "sum":
				acc += v
			case "prod":
				acc *= v
			case "max":
				acc = math.Max(acc, v)
			case "min":
				acc = math.Min(acc, v)
			}
			out.Set(acc, at...)
		}
	})
	return []ir.Dense{out}
}

// exclusiveProduct is, at each index of axis, the product of the elements before
// it, or after it with reverse.
func exclusiveProduct(b *ir.Builder, x *ir.Value, axis int, reverse bool) *ir.Value {
	n := x.Type.Shape[axis]
	one := dim.Const(1)
	edge := x.Type.Shape
	edge = append(append(append([]dim.Dim(nil), edge[:axis]...), one), edge[axis+1:]...)
	ones := Full(b, ir.Type{DType: x.Type.DType, Shape: edge}, 1)
	shifted := []*ir.Value{ones, b.Emit1(Slice{Axis: axis, Stop: n.Sub(one), Step: 1}, x)}
	if reverse {
		shifted = []*ir.Value{b.Emit1(Slice{Axis: axis, Start: one, Stop: n, Step: 1}, x), ones}
	}
	return b.Emit1(Cumulative{"prod", axis, reverse}, b.Emit1(Concat{axis}, shifted...))
}

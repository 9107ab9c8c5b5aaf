package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Sort orders x along Axis and gives the values and their positions (int32). It
// is stable, so ties keep their order, and a NaN comes last.
//
//	dx = dy of the values, each added at its position
type Sort struct {
	Axis       int
	Descending bool
}

// Name returns "sort".
func (Sort) Name() string { return "sort" }

// Infer gives the values' and the positions' types.
func (s Sort) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := axisIn(s.Axis, in[0]); err != nil {
		return nil, err
	}
	if in[0].DType == dim.Bool {
		return nil, errf("sort works on numbers, have bool")
	}
	return []ir.Type{in[0], {DType: dim.Int32, Shape: in[0].Shape}}, nil
}

// Grad is described at the type.
func (s Sort) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	return gradSorted(b, s.Axis, i, dy)
}

// gradSorted adds the adjoint of the values where they came from.
func gradSorted(b *ir.Builder, axis int, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	zero := Full(b, i.Args[0].Type, 0)
	return []*ir.Value{b.Emit1(ScatterAdd{axis}, zero, i.Results[1], dy[0])}
}

// LowerKernel is a Sort phase over the axis, parallel over the others.
func (s Sort) LowerKernel(c *Context) *loop.Kernel {
	return sortKernel(c, s.Axis, s.Descending)
}

func sortKernel(c *Context, axis int, descending bool) *loop.Kernel {
	k := newKernel(c)
	at := make([]*loop.Expr, len(c.In[0].Shape))
	for a, d := range c.In[0].Shape {
		if a != axis {
			at[a] = k.space(c, a, d)
		}
	}
	ax := &loop.Axis{Name: "s", Extent: c.In[0].Shape[axis]}
	at[axis] = c.B.Axis(ax)
	k.Phases = append(k.Phases, &loop.Phase{Kind: loop.Sort, Axes: []*loop.Axis{ax}, Sort: &loop.SortSpec{
		Value: c.B.Load(k.Params[0], at...), Descending: descending, Keep: c.Out[0].Shape[axis],
		Values: k.store(1, at, nil), Positions: k.store(2, at, nil),
	}})
	return k.Kernel
}

// Eval sorts every line.
func (s Sort) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	return sortEval(c, in[0], s.Axis, s.Descending)
}

func sortEval(c *EvalContext, x ir.Dense, axis int, descending bool) []ir.Dense {
	values, positions := c.Result(0), c.Result(1)
	heads := slices.Clone(x.Shape)
	heads[axis] = min(1, heads[axis])
	ir.Each(heads, func(idx []int) {
		at := slices.Clone(idx)
		order := make([]int, x.Shape[axis])
		line := make([]float64, len(order))
		for i := range order {
			at[axis] = i
			order[i], line[i] = i, x.At(at...)
		}
		slices.SortStableFunc(order, func(i, j int) int { return compareLine(line[i], line[j], descending) })
		for k := range values.Shape[axis] {
			at[axis] = k
			values.Set(line[order[k]], at...)
			positions.Set(float64(order[k]), at...)
		}
	})
	return []ir.Dense{values, positions}
}

func compareLine(a, b float64, descending bool) int {
	switch {
	case a != a || b != b:
		return boolInt(a != a) - boolInt(b != b)
	case a == b:
		return 0
	case (a < b) != descending:
		return -1
	}
	return 1
}

func boolInt(v bool) int {
	if v {
		return 1
	}
	return 0
}

// TopK gives the K largest values along Axis, largest first, and their positions
// (int32); the smallest, smallest first, with Smallest. Ties go to the lowest
// position, and a NaN comes last.
//
//	dx = dy of the values, each added at its position
type TopK struct {
	Axis, K  int
	Smallest bool
}

// Name returns "top_k".
func (TopK) Name() string { return "top_k" }

// Infer sets the axis's extent to K, which must fit.
func (s TopK) Infer(in []ir.Type) ([]ir.Type, error) {
	if _, err := (Sort{Axis: s.Axis}).Infer(in); err != nil {
		return nil, err
	}
	if n, ok := in[0].Shape[s.Axis].Int(); s.K < 1 || ok && int64(s.K) > n {
		return nil, errf("the largest %d of axis %d of %s", s.K, s.Axis, ShapeString(in[0].Shape))
	}
	shape := slices.Clone(in[0].Shape)
	shape[s.Axis] = dim.Const(int64(s.K))
	return []ir.Type{{DType: in[0].DType, Shape: shape}, {DType: dim.Int32, Shape: shape}}, nil
}

// Grad is described at the type.
func (s TopK) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	return gradSorted(b, s.Axis, i, dy)
}

// LowerKernel is a Sort phase that keeps K elements.
func (s TopK) LowerKernel(c *Context) *loop.Kernel { return sortKernel(c, s.Axis, !s.Smallest) }

// Eval sorts every line and keeps its head.
func (s TopK) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	return sortEval(c, in[0], s.Axis, !s.Smallest)
}

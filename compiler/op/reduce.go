package op

import (
	"math"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Reduce combines a tensor over Axes, ascending, and drops them. Op is sum,
// prod, max, min, any or all. A NaN wins max and min. The order of a sum is
// that of the float contract: lanes where Axes are the last ones, else serial.
//
//	sum:  dx = dy repeated
//	prod: dx = dy times the product of the others
//	max:  dx = dy at the lowest index of the extreme value, as PyTorch's max over one axis
type Reduce struct {
	Op   string
	Axes []int
}

var combiners = map[string]loop.Combiner{
	"sum": loop.Sum, "prod": loop.Prod, "max": loop.MaxOf, "min": loop.MinOf, "any": loop.AnyOf, "all": loop.AllOf,
}

// Name returns "reduce".
func (Reduce) Name() string { return "reduce" }

// Infer drops the axes. any and all work on bools, the others on numbers.
func (r Reduce) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if _, ok := combiners[r.Op]; !ok {
		return nil, errf("no reduction %q", r.Op)
	}
	if logic := r.Op == "any" || r.Op == "all"; logic != (in[0].DType == dim.Bool) {
		return nil, errf("reduction %s of %s; any and all work on bool, the others on numbers", r.Op, in[0].DType)
	}
	if !slices.IsSorted(r.Axes) || len(slices.Compact(slices.Clone(r.Axes))) != len(r.Axes) {
		return nil, errf("axes %v are not ascending, each once", r.Axes)
	}
	for _, a := range r.Axes {
		if err := axisIn(a, in[0]); err != nil {
			return nil, err
		}
	}
	return []ir.Type{{DType: in[0].DType, Shape: dropAxes(in[0].Shape, r.Axes)}}, nil
}

func dropAxes(shape []dim.Dim, axes []int) []dim.Dim {
	var out []dim.Dim
	for a, d := range shape {
		if !slices.Contains(axes, a) {
			out = append(out, d)
		}
	}
	return out
}

// keepAxes is shape with the extents of axes set to one.
func keepAxes(shape []dim.Dim, axes []int) []dim.Dim {
	out := slices.Clone(shape)
	for _, a := range axes {
		out[a] = dim.Const(1)
	}
	return out
}

// isSuffix reports whether axes are the last ones of a shape of the given rank.
func isSuffix(axes []int, rank int) bool {
	return len(axes) == 0 || axes[0] == rank-len(axes)
}

// repeatBack gives a reduced value the operand's shape again.
func repeatBack(b *ir.Builder, v *ir.Value, shape []dim.Dim, axes []int) *ir.Value {
	return BroadcastTo(b, ReshapeTo(b, v, keepAxes(shape, axes)), shape)
}

// Grad follows the type's comment.
func (r Reduce) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	x := i.Args[0]
	if dy[0] == nil || !x.Type.DType.IsFloat() {
		return []*ir.Value{nil}
	}
	back := repeatBack(b, dy[0], x.Type.Shape, r.Axes)
	switch r.Op {
	case "sum":
		return []*ir.Value{back}
	case "prod":
		return []*ir.Value{Apply(b, "mul", back, productOfOthers(b, x, r.Axes))}
	}
	return []*ir.Value{r.gradExtreme(b, x, back)}
}

// gradExtreme selects the adjoint at the lowest index of the extreme value.
func (r Reduce) gradExtreme(b *ir.Builder, x, back *ir.Value) *ir.Value {
	flat, perm := lastAxesFlat(b, x, r.Axes)
	axis := len(flat.Type.Shape) - 1
	at := b.Emit1(ArgReduce{Op: r.Op, Axis: axis}, flat)
	back, _ = lastAxesFlat(b, back, r.Axes)
	pos := b.Emit1(Iota{Shape: flat.Type.Shape, Axis: axis, DType: dim.Int32})
	hit := Apply(b, "eq", pos, repeatBack(b, at, flat.Type.Shape, []int{axis}))
	dx := Apply(b, "select", hit, back, Full(b, back.Type, 0))
	return unflattenLast(b, dx, x.Type.Shape, perm)
}

// lastAxesFlat moves axes to the end and merges them into one axis. perm is the
// permutation it used.
func lastAxesFlat(b *ir.Builder, x *ir.Value, axes []int) (flat *ir.Value, perm []int) {
	for a := range x.Type.Shape {
		if !slices.Contains(axes, a) {
			perm = append(perm, a)
		}
	}
	keep := len(perm)
	perm = append(perm, axes...)
	t := Permute(b, x, perm...)
	shape := append(slices.Clone(t.Type.Shape[:keep]), dim.Product(t.Type.Shape[keep:]))
	return ReshapeTo(b, t, shape), perm
}

// unflattenLast undoes lastAxesFlat.
func unflattenLast(b *ir.Builder, x *ir.Value, shape []dim.Dim, perm []int) *ir.Value {
	moved := make([]dim.Dim, len(perm))
	for i, a := range perm {
		moved[i] = shape[a]
	}
	return Permute(b, ReshapeTo(b, x, moved), Transpose{perm}.Inverse()...)
}

// productOfOthers is, at each element, the product of the others along axes: the
// products before it times those after it, so that zeros do no harm.
func productOfOthers(b *ir.Builder, x *ir.Value, axes []int) *ir.Value {
	flat, perm := lastAxesFlat(b, x, axes)
	axis := len(flat.Type.Shape) - 1
	before := exclusiveProduct(b, flat, axis, false)
	after := exclusiveProduct(b, flat, axis, true)
	return unflattenLast(b, Apply(b, "mul", before, after), x.Type.Shape, perm)
}

// Reduce gives one reducer over the dropped axes.
func (r Reduce) Reduce(c *Context, in []Source, out []*loop.Expr) ReduceSpec {
	return reduceSpec(c, r.Axes, combiners[r.Op], in[0], out)
}

func reduceSpec(c *Context, axes []int, op loop.Combiner, src Source, out []*loop.Expr) ReduceSpec {
	shape := c.In[0].Shape
	spec := ReduceSpec{Order: loop.Serial, Ops: []loop.Combiner{op}}
	if isSuffix(axes, len(shape)) {
		spec.Order = loop.Lanes
	}
	for _, a := range axes {
		spec.Axes = append(spec.Axes, &loop.Axis{Name: "r", Extent: shape[a]})
	}
	spec.Value = func(red []*loop.Expr) []*loop.Expr {
		at := make([]*loop.Expr, len(shape))
		o, k := 0, 0
		for a := range shape {
			if slices.Contains(axes, a) {
				at[a] = red[k]
				k++
			} else {
				at[a] = out[o]
				o++
			}
		}
		return []*loop.Expr{src(at)}
	}
	return spec
}

// Eval combines in index order.
func (r Reduce) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	start := map[string]float64{"prod": 1, "all": 1, "max": math.Inf(-1), "min": math.Inf(1)}[r.Op]
	for i := range out.Data {
		out.Data[i] = start
	}
	var at []int
	ir.Each(in[0].Shape, func(idx []int) {
		at = at[:0]
		for a, i := range idx {
			if !slices.Contains(r.Axes, a) {
				at = append(at, i)
			}
		}
		p, v := out.Offset(at), in[0].At(idx...)
		switch r.Op {
		case "sum":
			out.Data[p] += v
		case "prod":
			out.Data[p] *= v
		case "max", "any":
			out.Data[p] = math.Max(out.Data[p], v)
		case "min", "all":
			out.Data[p] = math.Min(out.Data[p], v)
		}
	})
	return []ir.Dense{out}
}

// Sum emits a sum over axes, none of which leaves x as it is.
func Sum(b *ir.Builder, x *ir.Value, axes ...int) *ir.Value {
	if len(axes) == 0 {
		return x
	}
	return b.Emit1(Reduce{"sum", axes}, x)
}

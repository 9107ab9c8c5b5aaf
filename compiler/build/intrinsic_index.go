package build

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// indexWords read and write at positions that tensors give.
func indexWords() []intrinsic {
	return []intrinsic{
		{name: "gather", doc: "x at positions index along an axis, as torch.gather; an index without that axis takes one element of each line",
			formals: with(required("x", "index"), "axis", integer(-1)), apply: gatherWord},
		{name: "index_select", doc: "the slices of x along an axis at positions index; the index's axes take the axis's place",
			formals: with(required("x", "index"), "axis", integer(0)), apply: func(c *invocation) value {
				x, index := c.tensor(0), c.index(1)
				if x == nil || index == nil {
					return bad{}
				}
				return c.result(c.emit(op.Take{Axis: c.axis(2, len(x.Type.Shape))}, x, index))
			}},
		{name: "scatter_add", doc: "x with src added at positions index along an axis, as torch.scatter_add",
			formals: with(required("x", "index", "src"), "axis", integer(0)), apply: func(c *invocation) value {
				x, index, src := c.tensor(0), c.index(1), c.tensor(2)
				if x == nil || index == nil || src == nil {
					return bad{}
				}
				return c.result(c.emit(op.ScatterAdd{Axis: c.axis(3, len(x.Type.Shape))}, x, index, src))
			}},
		{name: "sort", doc: "the values in order along an axis, and their positions", formals: with(with(required("x"), "axis", integer(-1)), "descending", boolean(false)),
			apply: func(c *invocation) value {
				x := c.tensor(0)
				if x == nil {
					return bad{}
				}
				return c.emitAll(op.Sort{Axis: c.axis(1, len(x.Type.Shape)), Descending: c.bool(2)}, x)
			}},
		{name: "topk", doc: "the k largest values along an axis, largest first, and their positions", formals: with(required("x", "k"), "axis", integer(-1)),
			apply: func(c *invocation) value {
				x := c.tensor(0)
				if x == nil {
					return bad{}
				}
				k, axis := c.int(1), c.axis(2, len(x.Type.Shape))
				if c.ok {
					c.atMost(dim.Const(int64(k)), x.Type.Shape[axis])
				}
				return c.emitAll(op.TopK{K: k, Axis: axis}, x)
			}},
		{name: "dynamic_slice", doc: "size elements of an axis from a position known at run time", formals: with(required("x", "position", "size"), "axis", integer(0)),
			apply: func(c *invocation) value {
				x, pos := c.tensor(0), c.index(1)
				size, ok := c.e.asSize(c.v(2), c.args[2].at)
				if x == nil || pos == nil || !ok {
					return bad{}
				}
				return c.result(c.emit(op.DynamicSlice{Axis: c.axis(3, len(x.Type.Shape)), Size: size}, x, pos))
			}},
		{name: "update_slice", doc: "x with part written from a position of an axis known at run time", formals: with(required("x", "part", "position"), "axis", integer(0)),
			apply: func(c *invocation) value {
				x, part, pos := c.tensor(0), c.tensor(1), c.index(2)
				if x == nil || part == nil || pos == nil {
					return bad{}
				}
				return c.result(c.emit(op.UpdateSlice{Axis: c.axis(3, len(x.Type.Shape))}, x, part, pos))
			}},
	}
}

// index is an argument of an integer dtype; a constant becomes int32.
func (c *invocation) index(i int) *ir.Value {
	if t, ok := c.v(i).(tensor); ok {
		if !t.v.Type.DType.IsInt() {
			d := c.fail(diag.DTypeMismatch, c.args[i].at, "positions have an integer dtype, and this is %s", op.TypeString(t.v.Type))
			c.e.origins(d, t.v)
			return nil
		}
		return t.v
	}
	v := c.e.tensorOf(c.args[i].at, c.v(i), dim.Int32)
	if v == nil {
		c.ok = false
	}
	return v
}

func gatherWord(c *invocation) value {
	x, index := c.tensor(0), c.index(1)
	if x == nil || index == nil {
		return bad{}
	}
	rank := len(x.Type.Shape)
	axis := c.axis(2, rank)
	if !c.ok {
		return bad{}
	}
	drop := len(index.Type.Shape) == rank-1
	if drop {
		index = c.reshape(index, slices.Insert(slices.Clone(index.Type.Shape), axis, dim.Const(1)))
	}
	if index == nil {
		return bad{}
	}
	if len(index.Type.Shape) == rank {
		if v, ok := c.matchIndex(x, index, axis); ok {
			index = v
		} else {
			return bad{}
		}
	}
	v := c.emit(op.Gather{Axis: axis}, x, index)
	if v != nil && drop {
		v = c.e.dropAxis(c.at, v, axis)
	}
	return c.result(v)
}

// matchIndex requires the other axes of an index to be those of x.
func (c *invocation) matchIndex(x, index *ir.Value, axis int) (*ir.Value, bool) {
	want := slices.Clone(x.Type.Shape)
	want[axis] = index.Type.Shape[axis]
	for a, d := range index.Type.Shape {
		if !d.Equal(want[a]) && (!mayEqual(d, want[a]) || d.Is(1)) {
			dg := c.fail(diag.ShapeMismatch, c.at, "the index is %s, which does not fit %s along axis %d",
				op.ShapeString(index.Type.Shape), op.ShapeString(x.Type.Shape), axis)
			c.e.origins(dg, x, index)
			return nil, false
		}
	}
	v := c.e.assume(c.at, index, want)
	if v == nil {
		c.ok = false
	}
	return v, v != nil
}

// constantWords make tensors, lists and numbers from nothing.
func constantWords() []intrinsic {
	return []intrinsic{
		{name: "range", doc: "the list start, start + step, ... before stop", formals: with(with(required("start"), "stop", none{}), "step", integer(1)), apply: rangeWord},
		{name: "arange", doc: "the int32 tensor start, start + step, ... before stop", formals: with(with(with(required("start"), "stop", none{}), "step", integer(1)), "dtype", element(dim.Int32)), apply: arangeWord},
		{name: "full", doc: "a tensor of one value", formals: with(required("shape", "value"), "dtype", element(dim.Float32)), apply: func(c *invocation) value {
			shape, t := c.shape(0), c.dtype(2)
			if !c.ok {
				return bad{}
			}
			v := c.e.tensorOf(c.at, c.v(1), t)
			if v == nil {
				c.ok = false
				return bad{}
			}
			return c.result(c.e.broadcastTo(c.at, v, shape))
		}},
		{name: "rand", doc: "uniform random numbers in [0, 1)", formals: with(required("shape"), "dtype", element(dim.Float32)), apply: func(c *invocation) value { return c.random("uniform") }},
		{name: "randn", doc: "random numbers of the standard normal distribution", formals: with(required("shape"), "dtype", element(dim.Float32)), apply: func(c *invocation) value { return c.random("normal") }},
		{name: "fan_in", doc: "the number of inputs to one output of a weight of this shape", formals: required("shape"), apply: func(c *invocation) value { return c.fan(1, 0) }},
		{name: "fan_out", doc: "the number of outputs from one input of a weight of this shape", formals: required("shape"), apply: func(c *invocation) value { return c.fan(0, 1) }},
		{name: "len", doc: "the number of elements of a list", formals: required("x"), apply: func(c *invocation) value {
			l, ok := c.v(0).(list)
			if !ok {
				c.wrong(0, "a list")
			}
			return integer(int64(len(l)))
		}},
		{name: "is_list", doc: "whether a value is a list", formals: required("x"), apply: func(c *invocation) value { _, ok := c.v(0).(list); return boolean(ok) }},
		{name: "is_integer", doc: "whether a tensor has an integer dtype", formals: required("x"), apply: func(c *invocation) value {
			t, ok := typeOf(c.v(0))
			return boolean(ok && t.DType.IsInt())
		}},
	}
}

func rangeWord(c *invocation) value {
	start, stop, step := 0, 0, c.int(2)
	if isNone(c.v(1)) {
		stop = c.int(0)
	} else {
		start, stop = c.int(0), c.int(1)
	}
	if c.ok && step == 0 {
		c.fail(diag.ArgumentRange, c.at, "the step of a range is not 0")
	}
	if !c.ok {
		return bad{}
	}
	out := list{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if !c.e.step(c.at) {
			return bad{}
		}
		out = append(out, integer(int64(i)))
	}
	return out
}

func arangeWord(c *invocation) value {
	t := c.dtype(3)
	first, last := value(integer(0)), c.v(0)
	if !isNone(c.v(1)) {
		first, last = c.v(0), c.v(1)
	}
	start, ok1 := asDim(first)
	stop, ok2 := asDim(last)
	step, ok3 := asDim(c.v(2))
	n, isConst := step.Int()
	if !ok1 || !ok2 || !ok3 || !isConst || n == 0 {
		if _, isTensor := last.(tensor); isTensor {
			c.wrong(0, "a whole number or dimension")
			return bad{}
		}
		c.fail(diag.ArgumentKind, c.at, "arange takes whole numbers and dimensions")
		return bad{}
	}
	count := stop.Sub(start)
	if n < 0 {
		count = count.Neg()
	}
	count = count.CeilDiv(dim.Const(max(n, -n)))
	if k, ok := count.Int(); ok && k < 0 {
		count = dim.Const(0)
	}
	if !c.ok {
		return bad{}
	}
	v := value(c.result(c.emit(op.Iota{Shape: []dim.Dim{count}, DType: t})))
	if n != 1 {
		v = c.e.arithmetic(c.at, "*", v, integer(n))
	}
	if !start.Is(0) {
		v = c.e.arithmetic(c.at, "+", v, dimValue(start))
	}
	return v
}

// random emits a draw keyed by the unit's label path and the draw's ordinal.
func (c *invocation) random(kind string) value {
	shape, t := c.shape(0), c.dtype(1)
	if !c.ok {
		return bad{}
	}
	key, draw := "", 0
	if c.fr.run != nil {
		key, draw = c.fr.run.key, c.fr.run.draws
		c.fr.run.draws++
	}
	return c.result(c.emit(op.Random{Kind: kind, Shape: shape, DType: t, Key: key, Draw: draw}))
}

// fan is PyTorch's count of connections: the size of axis a times those of the
// kernel axes.
func (c *invocation) fan(a, b int) value {
	shape := c.shape(0)
	if !c.ok {
		return bad{}
	}
	if len(shape) < 2 {
		c.fail(diag.RankMismatch, c.args[0].at, "%s needs a shape of at least 2 dimensions, and this is %s", c.in.name, op.ShapeString(shape)).
			HelpText("give a tensor of one dimension its own initializer")
		return bad{}
	}
	return dimValue(shape[a].Mul(dim.Product(shape[2:])))
}

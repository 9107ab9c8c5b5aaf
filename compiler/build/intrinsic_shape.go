package build

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// shapeWords move elements without changing them.
func shapeWords() []intrinsic {
	axis0 := func(names ...string) []formal { return with(required(names...), "axis", integer(0)) }
	return []intrinsic{
		{name: "reshape", doc: "the same elements in another shape; one size may be -1", formals: required("x", "shape"), apply: reshapeWord},
		{name: "transpose", doc: "permutes the axes; reverses them unless given", formals: with(required("x"), "axes", none{}), apply: transposeWord},
		{name: "move_axis", doc: "moves one axis to another place, the others keeping their order", formals: required("x", "source", "destination"), apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			from, to := c.axis(1, len(x.Type.Shape)), c.axis(2, len(x.Type.Shape))
			if !c.ok {
				return bad{}
			}
			return c.result(c.e.moveAxis(c.at, x, from, to))
		}},
		{name: "expand", doc: "repeats x to a shape by broadcasting; -1 keeps a size", formals: required("x", "shape"), apply: expandWord},
		{name: "concat", doc: "joins tensors along an axis", rest: true, formals: with(nil, "axis", integer(0)), apply: concatWord},
		{name: "stack", doc: "joins tensors along a new axis", rest: true, formals: with(nil, "axis", integer(0)), apply: stackWord},
		{name: "split", doc: "parts along an axis: a number of equal ones, or a list of sizes", formals: axis0("x", "parts"), apply: splitWord},
		{name: "unstack", doc: "the slices along an axis, which is dropped", formals: axis0("x"), apply: unstackWord},
		{name: "flip", doc: "reverses an axis", formals: required("x", "axis"), apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			for _, a := range c.axes(1, len(x.Type.Shape)) {
				x = c.emit(op.Slice{Axis: a, Start: dim.Const(0), Stop: x.Type.Shape[a], Step: -1}, x)
			}
			return c.result(x)
		}},
		{name: "pad", doc: "adds elements at both ends of axes: pairs (before, after) from the last axis on, as PyTorch's pad; mode is constant, reflect, replicate or circular",
			formals: with(with(required("x", "padding"), "mode", text("constant")), "value", integer(0)), apply: padWord},
		{name: "shape", doc: "the sizes of a tensor as a list", formals: required("x"), apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			return shapeValue(x.Type.Shape)
		}},
		{name: "rank", doc: "the number of axes of a tensor", formals: required("x"), apply: func(c *invocation) value {
			if _, ok := c.v(0).(tensor); !ok {
				return integer(0)
			}
			return integer(int64(len(c.tensor(0).Type.Shape)))
		}},
		{name: "dtype", doc: "the dtype of a tensor", formals: required("x"), apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			return element(x.Type.DType)
		}},
	}
}

func reshapeWord(c *invocation) value {
	x := c.tensor(0)
	items, ok := c.v(1).(list)
	if x == nil || !ok {
		if !ok {
			c.wrong(1, "a list of sizes")
		}
		return bad{}
	}
	shape := make([]dim.Dim, len(items))
	free, known := -1, dim.Const(1)
	for i, v := range items {
		if n, ok := v.(number); ok && n.cmp(integer(-1)) == 0 {
			if free >= 0 {
				c.fail(diag.ArgumentRange, c.args[1].at, "only one size may be -1")
				return bad{}
			}
			free = i
			continue
		}
		d, ok := c.e.asSize(v, c.args[1].at)
		if !ok {
			c.ok = false
			return bad{}
		}
		shape[i], known = d, known.Mul(d)
	}
	total := dim.Product(x.Type.Shape)
	if free >= 0 {
		if shape[free], ok = total.Div(known); !ok {
			d := c.fail(diag.NotWhole, c.at, "%s elements do not divide by %s", total, known)
			c.e.origins(d, x)
			return bad{}
		}
	} else if !total.Equal(known) {
		d := c.fail(diag.ShapeMismatch, c.at, "%s has %s elements, and %s has %s", op.ShapeString(x.Type.Shape), total, op.ShapeString(shape), known)
		c.e.origins(d, x)
		return bad{}
	}
	return c.result(c.reshape(x, shape))
}

func transposeWord(c *invocation) value {
	x := c.tensor(0)
	if x == nil {
		return bad{}
	}
	rank := len(x.Type.Shape)
	perm := make([]int, rank)
	if isNone(c.v(1)) {
		for i := range perm {
			perm[i] = rank - 1 - i
		}
		return c.result(c.transpose(x, perm))
	}
	items, ok := c.v(1).(list)
	if !ok || len(items) != rank {
		c.wrong(1, "a list of "+itoa(rank)+" axes")
		return bad{}
	}
	seen := make([]bool, rank)
	for i, v := range items {
		n, ok := v.(number)
		a, whole := n.int64()
		if a < 0 {
			a += int64(rank)
		}
		if !ok || !whole || a < 0 || a >= int64(rank) || seen[a] {
			c.fail(diag.AxisRange, c.args[1].at, "axes %s are not an order of %d axes", show(c.v(1)), rank)
			return bad{}
		}
		perm[i], seen[a] = int(a), true
	}
	return c.result(c.transpose(x, perm))
}

func expandWord(c *invocation) value {
	x := c.tensor(0)
	items, ok := c.v(1).(list)
	if x == nil || !ok {
		if !ok {
			c.wrong(1, "a list of sizes")
		}
		return bad{}
	}
	off := len(items) - len(x.Type.Shape)
	shape := make([]dim.Dim, len(items))
	for i, v := range items {
		if n, isNumber := v.(number); isNumber && n.cmp(integer(-1)) == 0 && i >= off {
			shape[i] = x.Type.Shape[i-off]
			continue
		}
		if shape[i], ok = c.e.asSize(v, c.args[1].at); !ok {
			c.ok = false
			return bad{}
		}
	}
	common, ok := commonShape(x.Type.Shape, shape)
	if off < 0 || !ok || !dim.EqualShapes(common, shape) {
		c.e.origins(c.fail(diag.BroadcastMismatch, c.at, "%s does not expand to %s", op.ShapeString(x.Type.Shape), op.ShapeString(shape)), x)
		return bad{}
	}
	return c.result(c.e.broadcastTo(c.at, x, shape))
}

// tensors are the positional arguments of concat and stack; a list counts as its
// elements.
func (c *invocation) tensors() []*ir.Value {
	var out []*ir.Value
	for _, a := range c.list {
		if l, ok := a.v.(list); ok {
			for _, v := range l {
				out = append(out, c.tensorArg(argument{v: v, at: a.at}))
			}
			continue
		}
		out = append(out, c.tensorArg(a))
	}
	if len(out) == 0 {
		c.fail(diag.MissingArgument, c.at, "%s needs at least one tensor", c.in.name)
	}
	if !c.ok {
		return nil
	}
	for _, v := range out[1:] {
		if v.Type.DType != out[0].Type.DType {
			d := c.fail(diag.DTypeMismatch, c.at, "dtypes differ: %s and %s", out[0].Type.DType, v.Type.DType)
			c.e.origins(d, out[0], v)
			return nil
		}
		if len(v.Type.Shape) != len(out[0].Type.Shape) {
			d := c.fail(diag.RankMismatch, c.at, "%s of tensors with %s and %s", c.in.name, countDims(len(out[0].Type.Shape)), countDims(len(v.Type.Shape)))
			c.e.origins(d, out[0], v)
			return nil
		}
	}
	return out
}

func concatWord(c *invocation) value {
	xs := c.tensors()
	if xs == nil {
		return bad{}
	}
	axis := c.axis(0, len(xs[0].Type.Shape))
	if !c.ok {
		return bad{}
	}
	return c.result(c.concat(xs, axis))
}

// concat joins tensors whose other axes agree, or may and are checked on entry.
func (c *invocation) concat(xs []*ir.Value, axis int) *ir.Value {
	for i, v := range xs[1:] {
		want := slices.Clone(xs[0].Type.Shape)
		want[axis] = v.Type.Shape[axis]
		for a, d := range v.Type.Shape {
			if d.Equal(want[a]) || mayEqual(d, want[a]) {
				continue
			}
			dg := c.fail(diag.ShapeMismatch, c.at, "shapes %s and %s differ on axis %d, and they are joined along axis %d",
				op.ShapeString(xs[0].Type.Shape), op.ShapeString(v.Type.Shape), a, axis)
			c.e.origins(dg, xs[0], v)
			return nil
		}
		if xs[i+1] = c.e.assumeExact(c.at, v, want); xs[i+1] == nil {
			c.ok = false
			return nil
		}
	}
	return c.emit(op.Concat{Axis: axis}, xs...)
}

// assumeExact is assume for axes of extent one as well.
func (e *evaluator) assumeExact(at diag.Span, v *ir.Value, shape []dim.Dim) *ir.Value {
	for i := range shape {
		if v.Type.Shape[i].Is(1) && !shape[i].Is(1) {
			return nil
		}
	}
	return e.assume(at, v, shape)
}

func stackWord(c *invocation) value {
	xs := c.tensors()
	if xs == nil {
		return bad{}
	}
	rank := len(xs[0].Type.Shape)
	axis := c.axis(0, rank+1)
	if !c.ok {
		return bad{}
	}
	for i, v := range xs {
		shape := slices.Insert(slices.Clone(v.Type.Shape), axis, dim.Const(1))
		if xs[i] = c.reshape(v, shape); xs[i] == nil {
			return bad{}
		}
	}
	return c.result(c.concat(xs, axis))
}

func splitWord(c *invocation) value {
	x := c.tensor(0)
	if x == nil {
		return bad{}
	}
	axis := c.axis(2, len(x.Type.Shape))
	if !c.ok {
		return bad{}
	}
	extent := x.Type.Shape[axis]
	var sizes []dim.Dim
	if items, ok := c.v(1).(list); ok {
		sum := dim.Const(0)
		for _, v := range items {
			d, ok := c.e.asSize(v, c.args[1].at)
			if !ok {
				c.ok = false
				return bad{}
			}
			sizes, sum = append(sizes, d), sum.Add(d)
		}
		if !c.e.requireEqual(sum, extent, c.at) {
			c.e.origins(c.fail(diag.ShapeMismatch, c.args[1].at, "the parts add up to %s, and axis %d has %s", sum, axis, extent), x)
			return bad{}
		}
	} else {
		n := c.int(1)
		if !c.ok {
			return bad{}
		}
		each, ok := extent.Div(dim.Const(int64(n)))
		if n < 1 || !ok {
			c.e.origins(c.fail(diag.NotWhole, c.args[1].at, "axis %d, which has %s, does not split into %d equal parts", axis, extent, n), x)
			return bad{}
		}
		for range n {
			sizes = append(sizes, each)
		}
	}
	var out tuple
	start := dim.Const(0)
	for _, d := range sizes {
		stop := start.Add(d)
		out = append(out, c.result(c.emit(op.Slice{Axis: axis, Start: start, Stop: stop, Step: 1}, x)))
		start = stop
	}
	return out
}

func unstackWord(c *invocation) value {
	x := c.tensor(0)
	if x == nil {
		return bad{}
	}
	axis := c.axis(1, len(x.Type.Shape))
	if !c.ok {
		return bad{}
	}
	n, ok := x.Type.Shape[axis].Int()
	if !ok || n > 1000 {
		c.e.origins(c.fail(diag.TensorAsConstant, c.at, "unstack of axis %d, which has %s; the number must be known and at most 1000", axis, x.Type.Shape[axis]), x)
		return bad{}
	}
	var out tuple
	for i := range n {
		v := c.emit(op.Slice{Axis: axis, Start: dim.Const(i), Stop: dim.Const(i + 1), Step: 1}, x)
		if v == nil {
			return bad{}
		}
		v = c.e.dropAxis(c.at, v, axis)
		out = append(out, c.result(v))
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

func padWord(c *invocation) value {
	x := c.tensor(0)
	items, ok := c.v(1).(list)
	if x == nil || !ok || len(items)%2 != 0 || len(items) > 2*len(x.Type.Shape) {
		if x != nil {
			c.wrong(1, "a list of pairs, at most one for each axis")
		}
		return bad{}
	}
	rank := len(x.Type.Shape)
	p := op.Pad{Low: make([]dim.Dim, rank), High: make([]dim.Dim, rank), Mode: c.text(2), Value: c.float(3)}
	for i, v := range items {
		axis := rank - 1 - i/2
		n, isNumber := v.(number)
		if k, whole := n.int64(); isNumber && whole && k < 0 { // a negative amount cuts off
			start, stop := dim.Const(0), x.Type.Shape[axis]
			if i%2 == 0 {
				start = dim.Const(-k)
			} else {
				stop = stop.Add(dim.Const(k))
			}
			c.atMost(dim.Const(-k), x.Type.Shape[axis])
			if x = c.emit(op.Slice{Axis: axis, Start: start, Stop: stop, Step: 1}, x); x == nil {
				return bad{}
			}
			continue
		}
		d, ok := c.e.asSize(v, c.args[1].at)
		if !ok {
			c.ok = false
			return bad{}
		}
		if i%2 == 0 {
			p.Low[axis] = d
		} else {
			p.High[axis] = d
		}
		switch least := d; p.Mode {
		case "reflect":
			c.atMost(least.Add(dim.Const(1)), x.Type.Shape[axis])
		case "circular":
			c.atMost(least, x.Type.Shape[axis])
		case "replicate":
			c.atMost(dim.Const(1), x.Type.Shape[axis])
		}
	}
	return c.result(c.emit(p, x))
}

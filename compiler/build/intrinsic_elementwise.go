package build

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// elementwiseWords are the functions of the operations' table, which also work
// on numbers and host scalars.
func elementwiseWords() []intrinsic {
	var out []intrinsic
	for _, f := range []struct{ name, doc string }{
		{"exp", "e to the power x"}, {"log", "natural logarithm"}, {"log1p", "log(1 + x), exact near 0"}, {"expm1", "exp(x) - 1, exact near 0"},
		{"sqrt", "square root"}, {"rsqrt", "1 / sqrt(x)"}, {"sin", "sine"}, {"cos", "cosine"}, {"tan", "tangent"}, {"erf", "error function"},
		{"ndtr", "distribution function of the standard normal distribution"}, {"gelu_erf", "x * ndtr(x), in one function"},
		{"abs", "absolute value"}, {"sign", "-1, 0 or 1"}, {"floor", "largest whole number not above x"}, {"ceil", "smallest whole number not below x"},
		{"round", "nearest whole number, halves to even"}, {"tanh", "hyperbolic tangent"}, {"sigmoid", "1 / (1 + exp(-x))"},
		{"is_nan", "true where x is not a number"},
	} {
		out = append(out, intrinsic{name: f.name, doc: f.doc, formals: required("x"), apply: func(c *invocation) value {
			return c.e.apply1(c.at, f.name, c.v(0))
		}})
	}
	for _, f := range []struct{ name, doc string }{
		{"floor_divide", "floor(x / y)"}, {"pow", "x to the power y"},
	} {
		out = append(out, intrinsic{name: f.name, doc: f.doc, formals: required("x", "y"), apply: func(c *invocation) value {
			if f.name == "pow" {
				if v := c.e.wholePower(c.at, c.v(0), c.v(1)); v != nil {
					return v
				}
			}
			return c.e.arithmetic(c.at, f.name, c.v(0), c.v(1))
		}})
	}
	return append(out,
		intrinsic{name: "where", doc: "a where the condition holds, b elsewhere", formals: required("condition", "a", "b"), apply: where},
		intrinsic{name: "cast", doc: "x with another dtype", formals: required("x", "dtype"), apply: cast},
		intrinsic{name: "stop_gradient", doc: "x without a gradient", formals: required("x"), apply: func(c *invocation) value {
			return c.result(c.emit(op.StopGradient{}, c.tensor(0)))
		}},
		intrinsic{name: "select", doc: "the second value if the constant condition holds, else the third; the other is not evaluated",
			formals: required("condition", "a", "b"), apply: func(c *invocation) value {
				if c.bool(0) {
					return c.v(1)
				}
				return c.v(2)
			}})
}

// wholePower turns a small whole power of a tensor into products, which are exact
// where the general function would lose the sign of x.
func (e *evaluator) wholePower(at diag.Span, x, y value) value {
	n, ok := y.(number)
	k, whole := n.int64()
	if _, isTensor := x.(tensor); !isTensor || !ok || !whole || k < 1 || k > 4 {
		return nil
	}
	v := x
	for range k - 1 {
		v = e.arithmetic(at, "*", v, x)
	}
	return v
}

func where(c *invocation) value {
	switch cond := c.v(0).(type) {
	case boolean:
		if cond {
			return c.v(1)
		}
		return c.v(2)
	case host:
		a, okA := hostOf(c.v(1))
		b, okB := hostOf(c.v(2))
		if cond.truth && okA && okB {
			return c.e.bounded(c.at, host{e: scalar.New(scalar.Select, cond.e, a, b)}, c.v(0), c.v(1), c.v(2))
		}
	case tensor:
		if cond.v.Type.DType != dim.Bool {
			c.wrong(0, "a bool tensor")
			return bad{}
		}
	}
	return c.e.elementwise(c.at, "select", []value{c.v(0), c.v(1), c.v(2)})
}

func cast(c *invocation) value {
	t := c.dtype(1)
	if !c.ok {
		return bad{}
	}
	if x, ok := c.v(0).(tensor); ok {
		if x.v.Type.DType == t {
			return x
		}
		return c.result(c.emit(op.Cast{DType: t}, x.v))
	}
	if _, isHost := hostOf(c.v(0)); isHost {
		return c.result(c.e.tensorOf(c.at, c.v(0), t))
	}
	return c.result(c.tensor(0))
}

// selectCall evaluates select(condition, a, b), of which only the chosen value is
// evaluated.
func (e *evaluator) selectCall(fr *frame, args *dsl.Args, at diag.Span) value {
	if len(args.List) != 3 {
		e.report(diag.MissingArgument, at, "select takes a condition and two values")
		return bad{}
	}
	for _, a := range args.List {
		if a.Name != nil {
			e.report(diag.UnknownArgument, a.Name.Span(), "select takes its arguments by position")
			return bad{}
		}
	}
	cond := args.List[0].Value
	switch v := e.single(fr, cond).(type) {
	case boolean:
		if v {
			return e.expr(fr, args.List[1].Value)
		}
		return e.expr(fr, args.List[2].Value)
	case bad:
	case tensor:
		e.report(diag.TensorAsConstant, cond.Span(), "the condition of select must be known when the model is compiled").
			HelpText("where(condition, a, b) chooses element by element")
	case host:
		x, y := e.single(fr, args.List[1].Value), e.single(fr, args.List[2].Value)
		a, okA := hostOf(x)
		b, okB := hostOf(y)
		if v.truth && okA && okB {
			return e.bounded(at, host{e: scalar.New(scalar.Select, v.e, a, b)}, v, x, y)
		}
		e.report(diag.StepCondition, cond.Span(), "select by a condition that is known only at run time takes two scalars").
			HelpText("where(condition, a, b) chooses between tensors")
	default:
		e.report(diag.ArgumentKind, cond.Span(), "the condition of select is a bool, and this is %s", describe(v))
	}
	return bad{}
}

// reductionWords reduce axes.
func reductionWords() []intrinsic {
	formals := func() []formal { return with(with(required("x"), "axis", none{}), "keepdims", boolean(false)) }
	var out []intrinsic
	for _, f := range []struct{ name, doc string }{
		{"sum", "sum over axes, all of them unless given"}, {"prod", "product over axes"}, {"any", "true where any element is"}, {"all", "true where all elements are"},
	} {
		out = append(out, intrinsic{name: f.name, doc: f.doc, formals: formals(), apply: func(c *invocation) value {
			return c.reduce(f.name, c.tensor(0), 1, 2)
		}})
	}
	for _, name := range []string{"max", "min"} {
		f := with(with(with(required("x"), "y", none{}), "axis", none{}), "keepdims", boolean(false))
		out = append(out, intrinsic{name: name, doc: "of one tensor the extreme value over axes, of two values the elementwise one", formals: f,
			apply: func(c *invocation) value {
				if !isNone(c.v(1)) {
					return c.e.arithmetic(c.at, name, c.v(0), c.v(1))
				}
				return c.reduce(name, c.tensor(0), 2, 3)
			}})
		out = append(out, intrinsic{name: "arg" + name, doc: "position of the extreme value along an axis, of the flattened tensor unless given",
			formals: formals(), apply: func(c *invocation) value { return c.argReduce(name) }})
	}
	for _, name := range []string{"sum", "prod", "max", "min"} {
		f := with(with(required("x"), "axis", integer(-1)), "reverse", boolean(false))
		out = append(out, intrinsic{name: "cum" + name, doc: "cumulative " + name + " along an axis", formals: f, apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			return c.result(c.emit(op.Cumulative{Op: name, Axis: c.axis(1, len(x.Type.Shape)), Reverse: c.bool(2)}, x))
		}})
	}
	return append(out, intrinsic{name: "size", doc: "the number of elements, or of those along an axis", formals: with(required("x"), "axis", none{}),
		apply: func(c *invocation) value {
			x := c.tensor(0)
			if x == nil {
				return bad{}
			}
			n := dim.Const(1)
			for _, a := range c.axes(1, len(x.Type.Shape)) {
				n = n.Mul(x.Type.Shape[a])
			}
			return dimValue(n)
		}})
}

// reduce emits a reduction over the axes of argument axis.
func (c *invocation) reduce(name string, x *ir.Value, axis, keep int) value {
	if x == nil {
		return bad{}
	}
	shape := x.Type.Shape
	axes, keepdims := c.axes(axis, len(shape)), c.bool(keep)
	if !c.ok {
		return bad{}
	}
	if len(axes) == 0 {
		return tensor{x}
	}
	v := c.emit(op.Reduce{Op: name, Axes: axes}, x)
	if keepdims {
		kept := slices.Clone(shape)
		for _, a := range axes {
			kept[a] = dim.Const(1)
		}
		v = c.reshape(v, kept)
	}
	return c.result(v)
}

func (c *invocation) argReduce(name string) value {
	x := c.tensor(0)
	if x == nil {
		return bad{}
	}
	shape := x.Type.Shape
	if isNone(c.v(1)) {
		flat := c.reshape(x, []dim.Dim{dim.Product(shape)})
		return c.result(c.emit(op.ArgReduce{Op: name, Axis: 0}, flat))
	}
	axis := c.axis(1, len(shape))
	v := c.emit(op.ArgReduce{Op: name, Axis: axis}, x)
	if c.ok && c.bool(2) {
		kept := slices.Clone(shape)
		kept[axis] = dim.Const(1)
		v = c.reshape(v, kept)
	}
	return c.result(v)
}

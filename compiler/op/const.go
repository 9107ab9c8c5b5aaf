package op

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// HostScalar brings a host scalar into the graph as a tensor of rank 0: a
// constant, a dimension, a learning rate. It is computed in float64 once a step
// and rounded once to DType. It has no gradient.
type HostScalar struct {
	Expr  *scalar.Expr
	DType dim.DType
}

// Name returns "host_scalar".
func (HostScalar) Name() string { return "host_scalar" }

// Infer gives a tensor of rank 0.
func (s HostScalar) Infer(in []ir.Type) ([]ir.Type, error) {
	return []ir.Type{{DType: s.DType}}, arity(in, 0)
}

// At is the constant itself, or an argument of the kernel.
func (s HostScalar) At(c *Context, _ []Source, _ []*loop.Expr) []*loop.Expr {
	if s.Expr.IsConst() {
		return []*loop.Expr{c.B.Number(s.DType, s.Expr.Value)}
	}
	return []*loop.Expr{c.Scalar(s.Expr, s.DType)}
}

// Eval computes the expression without rounding.
func (s HostScalar) Eval(c *EvalContext, _ []ir.Dense) []ir.Dense {
	out := c.Result(0)
	v, err := s.Expr.Eval(scalar.Env{Step: c.Step, Dims: c.Dims, Inputs: c.Inputs})
	if err != nil {
		panic("op: " + err.Error())
	}
	out.Data[0] = v
	return []ir.Dense{out}
}

// Constant emits the number v as a tensor of rank 0.
func Constant(b *ir.Builder, t dim.DType, v float64) *ir.Value {
	return b.Emit1(HostScalar{scalar.Num(v), t})
}

// Full emits a tensor of the given type whose elements are all v.
func Full(b *ir.Builder, t ir.Type, v float64) *ir.Value {
	return BroadcastTo(b, Constant(b, t.DType, v), t.Shape)
}

// Cast converts elements to another type: float to integer truncates and
// saturates, NaN gives 0; a bool is 0 or 1, and a number is true unless 0.
//
//	dx = cast(dy) between floats; none otherwise
type Cast struct{ DType dim.DType }

// Name returns "cast".
func (Cast) Name() string { return "cast" }

// Infer keeps the shape.
func (k Cast) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	return []ir.Type{{DType: k.DType, Shape: in[0].Shape}}, nil
}

// Grad casts back.
func (k Cast) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil || !k.DType.IsFloat() || !i.Args[0].Type.DType.IsFloat() {
		return []*ir.Value{nil}
	}
	return []*ir.Value{CastTo(b, dy[0], i.Args[0].Type.DType)}
}

// At casts one element.
func (k Cast) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	return []*loop.Expr{c.B.Cast(k.DType, in[0](idx))}
}

// Eval truncates for integers; between floats it keeps the value, since the
// reference works in float64 throughout.
func (k Cast) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	for i, v := range in[0].Data {
		out.Data[i] = convert(v, k.DType)
	}
	return []ir.Dense{out}
}

func convert(v float64, t dim.DType) float64 {
	if t.IsFloat() {
		return v
	}
	if t == dim.Bool {
		if v != 0 {
			return 1
		}
		return 0
	}
	if v != v {
		return 0
	}
	lim := intLimits[t]
	return min(max(float64(int64(min(max(v, -1<<62), 1<<62))), lim[0]), lim[1])
}

var intLimits = map[dim.DType][2]float64{
	dim.Int64: {-1 << 63, 1<<63 - 1}, dim.Int32: {-1 << 31, 1<<31 - 1}, dim.Int16: {-1 << 15, 1<<15 - 1},
	dim.Int8: {-128, 127}, dim.Uint8: {0, 255}, dim.Uint32: {0, 1<<32 - 1},
}

// CastTo emits a cast unless x has the type already.
func CastTo(b *ir.Builder, x *ir.Value, t dim.DType) *ir.Value {
	if x.Type.DType == t {
		return x
	}
	return b.Emit1(Cast{t}, x)
}

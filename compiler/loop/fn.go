package loop

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
)

// The named functions of the float contract. Their bodies use only operations
// that every target has, without branches, so that scalar Go, vector assembly
// and the evaluator give the same bits. Errors are the largest over every
// float32 (codegen/simd, TestFnLong), in units of the last place of the exact result.
//
// Coefficients are minimax polynomials of the function that stands beside them,
// fitted for the largest relative error of the whole and rounded to float32 one
// after another, the rest being fitted anew each time.
var fns = []*Fn{
	fnExp, fnExpm1, fnSigmoid, fnTanh,
	fnLog, fnLog1p, fnPow,
	fnErf, fnNdtr, fnGelu,
	fnSin, fnCos,
	fnScale,
}

// FnByName finds a named function; nil for an unknown name.
func FnByName(name string) *Fn {
	for _, f := range fns {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Fns returns all named functions, each before the functions that call it or
// after; the order is that of the generated runtime file.
func Fns() []*Fn { return append([]*Fn(nil), fns...) }

// Call returns an expression that calls f.
func (f *Fn) Call(args ...*Expr) *Expr {
	return &Expr{Op: CallFn, Type: f.Result, Fn: f, Args: args}
}

// Expand returns e with every call of a named function replaced by the
// function's body. Shared expressions stay shared; what holds no call is
// returned as it is.
func Expand(e *Expr) *Expr { return NewExpander().Expand(e) }

// Expander expands calls in several expressions that share parts.
type Expander struct{ done map[*Expr]*Expr }

// NewExpander returns an Expander that has seen nothing.
func NewExpander() *Expander { return &Expander{done: map[*Expr]*Expr{}} }

// Expand is the function Expand; parts that an earlier call saw are shared with it.
func (x *Expander) Expand(e *Expr) *Expr {
	if e == nil {
		return nil
	}
	if r, ok := x.done[e]; ok {
		return r
	}
	r := x.rebuild(e)
	if r.Op == CallFn {
		r = x.Expand(r.Fn.Body(r.Args))
	}
	x.done[e] = r
	return r
}

// rebuild expands the parts of e and copies e only when one of them changed.
func (x *Expander) rebuild(e *Expr) *Expr {
	args, changedArgs := x.list(e.Args)
	index, changedIndex := x.list(e.Index)
	guard := x.Expand(e.Guard)
	if !changedArgs && !changedIndex && guard == e.Guard {
		return e
	}
	c := *e
	c.Args, c.Index, c.Guard = args, index, guard
	return &c
}

func (x *Expander) list(es []*Expr) (out []*Expr, changed bool) {
	out = es
	for i, e := range es {
		n := x.Expand(e)
		if n == e {
			continue
		}
		if !changed {
			out, changed = append([]*Expr(nil), es...), true
		}
		out[i] = n
	}
	return out, changed
}

// Constructors of the bodies below. They do not simplify: a body is what it says.

var (
	oneFloat  = []dim.DType{dim.Float32}
	twoFloats = []dim.DType{dim.Float32, dim.Float32}
)

func node(op Op, t dim.DType, args ...*Expr) *Expr { return &Expr{Op: op, Type: t, Args: args} }

func f32(v float64) *Expr {
	return &Expr{Op: Const, Type: dim.Float32, Bits: uint64(math.Float32bits(float32(v)))}
}
func i32(v int32) *Expr          { return &Expr{Op: Const, Type: dim.Int32, Bits: uint64(uint32(v))} }
func u32(v uint32) *Expr         { return &Expr{Op: Const, Type: dim.Uint32, Bits: uint64(v)} }
func add(x, y *Expr) *Expr       { return node(Add, x.Type, x, y) }
func sub(x, y *Expr) *Expr       { return node(Sub, x.Type, x, y) }
func mul(x, y *Expr) *Expr       { return node(Mul, x.Type, x, y) }
func div(x, y *Expr) *Expr       { return node(Div, x.Type, x, y) }
func neg(x *Expr) *Expr          { return node(Neg, x.Type, x) }
func abs(x *Expr) *Expr          { return node(Abs, x.Type, x) }
func fma(x, y, z *Expr) *Expr    { return node(FMA, x.Type, x, y, z) }
func floor(x *Expr) *Expr        { return node(Floor, x.Type, x) }
func less(x, y *Expr) *Expr      { return node(Lt, dim.Bool, x, y) }
func equal(x, y *Expr) *Expr     { return node(Eq, dim.Bool, x, y) }
func differ(x, y *Expr) *Expr    { return node(Ne, dim.Bool, x, y) }
func and(x, y *Expr) *Expr       { return node(And, x.Type, x, y) }
func or(x, y *Expr) *Expr        { return node(Or, x.Type, x, y) }
func not(x *Expr) *Expr          { return node(Not, x.Type, x) }
func shl(x *Expr, n *Expr) *Expr { return node(Shl, x.Type, x, n) }
func shr(x *Expr, n *Expr) *Expr { return node(Shr, x.Type, x, n) }
func mulHi(x, y *Expr) *Expr     { return node(MulHi, x.Type, x, y) }
func cond(c, x, y *Expr) *Expr   { return node(Select, x.Type, c, x, y) }
func toFloat(x *Expr) *Expr      { return node(Cast, dim.Float32, x) }
func asInt(x *Expr) *Expr        { return node(Bitcast, dim.Int32, x) }
func asUint(x *Expr) *Expr       { return node(Bitcast, dim.Uint32, x) }
func asFloat(x *Expr) *Expr      { return node(Bitcast, dim.Float32, x) }

// clampMax and clampMin clamp x. A NaN passes, because the constant is the first operand.
func clampMax(bound float64, x *Expr) *Expr { return node(Min, x.Type, f32(bound), x) }
func clampMin(bound float64, x *Expr) *Expr { return node(Max, x.Type, f32(bound), x) }

// named gives e a name for readers of generated code.
func named(name string, e *Expr) *Expr {
	e.Name = name
	return e
}

// horner evaluates the polynomial with coefficients c, lowest power first.
func horner(x *Expr, c ...float64) *Expr {
	p := f32(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = fma(p, x, f32(c[i]))
	}
	return p
}

// withSignOf gives the magnitude of x the sign of s. x must not be negative.
func withSignOf(x, s *Expr) *Expr {
	return asFloat(or(asInt(x), and(asInt(s), i32(math.MinInt32))))
}

var (
	infinity   = math.Inf(1)
	notANumber = math.NaN()
)

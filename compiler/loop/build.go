package loop

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
)

// Builder makes expressions. Equal expressions are one pointer, integer index
// arithmetic is simplified exactly with the ranges of the axes, and float
// arithmetic only by identities that keep every bit. One goroutine at a time.
type Builder struct {
	interned map[key]*Expr
	ids      map[*Expr]int
	linear   map[*Expr]affine // forms of int64 expressions
}

// key is an expression up to the identity of its parts.
type key struct {
	op    Op
	typ   dim.DType
	bits  uint64
	name  string // counter's name, or the text of a dimension
	ptr   any    // axis, scalar, result, carry, parameter or function
	guard *Expr
	args  [4]*Expr
	more  string // numbers of further arguments
}

// NewBuilder returns a builder that knows no expression.
func NewBuilder() *Builder {
	return &Builder{interned: map[key]*Expr{}, ids: map[*Expr]int{}, linear: map[*Expr]affine{}}
}

// intern returns the one expression equal to e.
func (b *Builder) intern(e *Expr) *Expr {
	k := key{op: e.Op, typ: e.Type, bits: e.Bits, name: e.Name, guard: e.Guard}
	switch {
	case e.Axis != nil:
		k.ptr = e.Axis
	case e.Scalar != nil:
		k.ptr = e.Scalar
	case e.Result != nil:
		k.ptr = e.Result
	case e.Carry != nil:
		k.ptr = e.Carry
	case e.Param != nil:
		k.ptr = e.Param
	case e.Fn != nil:
		k.ptr = e.Fn
	case e.Op == DimVar:
		k.name = e.Dim.String()
	}
	var more strings.Builder
	for i, a := range append(e.Index[:len(e.Index):len(e.Index)], e.Args...) {
		if i < len(k.args) {
			k.args[i] = a
			continue
		}
		more.WriteString(strconv.Itoa(b.id(a)))
		more.WriteByte(' ')
	}
	k.more = more.String()
	if old, ok := b.interned[k]; ok {
		return old
	}
	b.interned[k] = e
	return e
}

func (b *Builder) id(e *Expr) int {
	n, ok := b.ids[e]
	if !ok {
		n = len(b.ids) + 1
		b.ids[e] = n
	}
	return n
}

// Int returns the index n.
func (b *Builder) Int(n int64) *Expr {
	return b.intern(&Expr{Op: Const, Type: dim.Int64, Bits: uint64(n)})
}

// IntOf returns the constant n of an integer type.
func (b *Builder) IntOf(t dim.DType, n int64) *Expr {
	return b.intern(&Expr{Op: Const, Type: t, Bits: wrapInt(t, uint64(n))})
}

// Dim returns the run-time value of a dimension as an index.
func (b *Builder) Dim(d dim.Dim) *Expr {
	if n, ok := d.Int(); ok {
		return b.Int(n)
	}
	return b.intern(&Expr{Op: DimVar, Type: dim.Int64, Dim: d})
}

// Axis returns the position on an axis. An axis of extent one is at 0.
func (b *Builder) Axis(a *Axis) *Expr {
	if a.Extent.Is(1) {
		return b.Int(0)
	}
	return b.intern(&Expr{Op: AxisVar, Type: dim.Int64, Axis: a})
}

// F32 returns the float32 nearest to v.
func (b *Builder) F32(v float64) *Expr { return b.Float(dim.Float32, v) }

// Float returns the constant of a float type nearest to v. The 16-bit types
// take their value through float32.
func (b *Builder) Float(t dim.DType, v float64) *Expr {
	return b.intern(&Expr{Op: Const, Type: t, Bits: floatBits(t, v)})
}

// Number returns v as a constant of any element type: integers truncate.
func (b *Builder) Number(t dim.DType, v float64) *Expr {
	switch {
	case t.IsFloat():
		return b.Float(t, v)
	case t == dim.Bool:
		return b.Bool(v != 0)
	}
	return b.IntOf(t, int64(v))
}

// Bool returns a truth value.
func (b *Builder) Bool(v bool) *Expr {
	e := &Expr{Op: Const, Type: dim.Bool}
	if v {
		e.Bits = 1
	}
	return b.intern(e)
}

// Arg returns the value of a scalar parameter.
func (b *Builder) Arg(s *ScalarParam) *Expr {
	return b.intern(&Expr{Op: ScalarArg, Type: s.DType, Scalar: s})
}

// Counter returns the counter, called name, of an enclosing For.
func (b *Builder) Counter(name string) *Expr {
	return b.intern(&Expr{Op: Counter, Type: dim.Int64, Name: name})
}

// Result returns what an earlier phase left.
func (b *Builder) Result(r *Result) *Expr {
	return b.intern(&Expr{Op: ResultOf, Type: r.Type, Result: r})
}

// Next returns the value of a carry after the present index, for a Sequence's stores.
func (b *Builder) Next(c *Carry) *Expr {
	return b.intern(&Expr{Op: NextOf, Type: c.Current.Type, Carry: c})
}

// Load returns the element of p at idx, one index for each logical axis.
func (b *Builder) Load(p *Param, idx ...*Expr) *Expr {
	return b.intern(&Expr{Op: Load, Type: p.DType, Param: p, Index: idx})
}

// LoadIf returns the element of p at idx where guard is true, and otherwise els
// without touching p.
func (b *Builder) LoadIf(guard, els *Expr, p *Param, idx ...*Expr) *Expr {
	if v, ok := constBool(guard); ok {
		if v {
			return b.Load(p, idx...)
		}
		return els
	}
	return b.intern(&Expr{Op: Load, Type: p.DType, Param: p, Index: idx, Guard: guard, Args: []*Expr{els}})
}

// Call returns fn applied to args.
func (b *Builder) Call(fn *Fn, args ...*Expr) *Expr {
	return b.intern(&Expr{Op: CallFn, Type: fn.Result, Fn: fn, Args: args})
}

// FMA returns x*y + z rounded once.
func (b *Builder) FMA(x, y, z *Expr) *Expr {
	return b.intern(&Expr{Op: FMA, Type: z.Type, Args: []*Expr{x, y, z}})
}

// Select returns x where c is true and y elsewhere. Where c is y <= x, equal values
// may come from either side: the test becomes y < x, which machines have as one
// instruction together with the choice.
func (b *Builder) Select(c, x, y *Expr) *Expr {
	if x == y {
		return x
	}
	if v, ok := constBool(c); ok {
		if v {
			return x
		}
		return y
	}
	if c.Op == Le && x.Type.IsFloat() && (c.Args[0] == y && c.Args[1] == x || c.Args[0] == x && c.Args[1] == y) {
		c = b.Bin(Lt, c.Args[0], c.Args[1])
	}
	if x.Op == Load && x.Guard == c { // both choose by c: one guarded load
		return b.LoadIf(c, y, x.Param, x.Index...)
	}
	if x.Op == Load && x.Guard != nil && x.Args[0] == y && implies(x.Guard, c) { // where c is false the load is y
		return x
	}
	return b.intern(&Expr{Op: Select, Type: x.Type, Args: []*Expr{c, x, y}})
}

// implies reports whether every part of the conjunction c is a part of g.
func implies(g, c *Expr) bool {
	if c.Op == And {
		return implies(g, c.Args[0]) && implies(g, c.Args[1])
	}
	return g == c || g.Op == And && (implies(g.Args[0], c) || implies(g.Args[1], c))
}

// Cast converts x to t.
func (b *Builder) Cast(t dim.DType, x *Expr) *Expr {
	if x.Type == t {
		return x
	}
	if x.Op == Const {
		if v, ok := foldCast(t, x); ok {
			return b.intern(&Expr{Op: Const, Type: t, Bits: v})
		}
	}
	return b.intern(&Expr{Op: Cast, Type: t, Args: []*Expr{x}})
}

// Bits reinterprets the bits of x as t, which has the same width.
func (b *Builder) Bits(t dim.DType, x *Expr) *Expr {
	if x.Type == t {
		return x
	}
	return b.intern(&Expr{Op: Bitcast, Type: t, Args: []*Expr{x}})
}

// Un returns op applied to x.
func (b *Builder) Un(op Op, x *Expr) *Expr {
	switch {
	case op == Neg && x.Type == dim.Int64:
		return b.rebuild(b.affineOf(x).scale(dim.Const(-1)))
	case op == Not && x.Type == dim.Bool:
		if v, ok := constBool(x); ok {
			return b.Bool(!v)
		}
		if x.Op == Not {
			return x.Args[0]
		}
	case op == Neg && x.Op == Neg:
		return x.Args[0]
	case op == Neg && x.Op == Const && x.Type == dim.Float32:
		return b.intern(&Expr{Op: Const, Type: x.Type, Bits: x.Bits ^ 1<<31})
	case (op == Floor || op == Round) && !x.Type.IsFloat():
		return x
	}
	return b.intern(&Expr{Op: op, Type: x.Type, Args: []*Expr{x}})
}

// Bin returns op applied to x and y, which have the same type (a shift's count
// may be of any integer type). Comparisons give a bool.
func (b *Builder) Bin(op Op, x, y *Expr) *Expr {
	t := x.Type
	switch op {
	case Lt, Le, Eq, Ne:
		t = dim.Bool
	}
	var e *Expr
	switch x.Type {
	case dim.Int64:
		e = b.index(op, x, y)
	case dim.Bool:
		e = b.logic(op, x, y)
	case dim.Float32:
		e = b.float(op, x, y)
	case dim.Uint32:
		e = b.word(op, x, y)
	}
	if e != nil {
		return e
	}
	return b.intern(&Expr{Op: op, Type: t, Args: []*Expr{x, y}})
}

// Add returns x + y; Sub, Mul, FloorDiv and Mod likewise.
func (b *Builder) Add(x, y *Expr) *Expr { return b.Bin(Add, x, y) }

// Sub returns x - y.
func (b *Builder) Sub(x, y *Expr) *Expr { return b.Bin(Sub, x, y) }

// Mul returns x * y.
func (b *Builder) Mul(x, y *Expr) *Expr { return b.Bin(Mul, x, y) }

// And returns the conjunction of conditions; without any it is true.
func (b *Builder) And(conds ...*Expr) *Expr {
	all := b.Bool(true)
	for _, c := range conds {
		all = b.Bin(And, all, c)
	}
	return all
}

// logic simplifies operations on truth values; nil when nothing applies.
func (b *Builder) logic(op Op, x, y *Expr) *Expr {
	if op != And && op != Or {
		return nil
	}
	if x == y {
		return x
	}
	if _, ok := constBool(y); ok {
		x, y = y, x
	}
	v, ok := constBool(x)
	switch {
	case !ok:
		return nil
	case v == (op == And):
		return y
	}
	return x
}

// float simplifies float32 arithmetic by identities that hold bit for bit for
// every operand; nil when nothing applies.
func (b *Builder) float(op Op, x, y *Expr) *Expr {
	if x.Op == Const && y.Op == Const {
		return b.foldFloat(op, f32Of(x), f32Of(y))
	}
	switch op {
	case Mul:
		if isF32(x, 1) {
			return y
		}
		if isF32(y, 1) {
			return x
		}
	case Div:
		if y.Op != Const {
			return nil
		}
		if isF32(y, 1) {
			return x
		}
		if frac, _ := math.Frexp(math.Abs(float64(f32Of(y)))); frac == 0.5 {
			inv := 1 / float64(f32Of(y)) // a power of two: the product is the same real number
			if a := math.Abs(inv); a >= 0x1p-126 && a <= 0x1p127 {
				return b.Bin(Mul, x, b.F32(inv))
			}
		}
	case Sub:
		if isF32(y, 0) {
			return x
		}
	case Add:
		if isF32(x, math.Copysign(0, -1)) {
			return y
		}
		if isF32(y, math.Copysign(0, -1)) {
			return x
		}
		if isF32(y, 0) && addsZero(x) {
			return x
		}
		if isF32(x, 0) && addsZero(y) {
			return y
		}
	}
	return nil
}

// addsZero reports whether e is a sum with 0, which is never -0: another 0 changes nothing.
func addsZero(e *Expr) bool {
	return e.Op == Add && (isF32(e.Args[0], 0) || isF32(e.Args[1], 0))
}

// word simplifies operations on 32-bit words, of which the rounds of a random
// number have many with constants; nil when nothing applies.
func (b *Builder) word(op Op, x, y *Expr) *Expr {
	if x.Op == Const && y.Op == Const {
		v, w := uint32(x.Bits), uint32(y.Bits)
		switch op {
		case Add:
			return b.IntOf(dim.Uint32, int64(v+w))
		case Mul:
			return b.IntOf(dim.Uint32, int64(v*w))
		case MulHi:
			return b.IntOf(dim.Uint32, int64(uint64(v)*uint64(w)>>32))
		case Xor:
			return b.IntOf(dim.Uint32, int64(v^w))
		}
		return nil
	}
	if x.Op == Const && uint32(x.Bits) == 0 && (op == Add || op == Xor) {
		return y
	}
	if y.Op == Const && uint32(y.Bits) == 0 && (op == Add || op == Xor) {
		return x
	}
	return nil
}

func (b *Builder) foldFloat(op Op, x, y float32) *Expr {
	var v float32
	switch op {
	case Add:
		v = x + y
	case Sub:
		v = x - y
	case Mul:
		v = x * y
	case Div:
		v = x / y
	case Lt:
		return b.Bool(x < y)
	case Le:
		return b.Bool(x <= y)
	case Eq:
		return b.Bool(x == y)
	case Ne:
		return b.Bool(x != y)
	default:
		return nil
	}
	return b.intern(&Expr{Op: Const, Type: dim.Float32, Bits: uint64(math.Float32bits(v))})
}

func f32Of(e *Expr) float32 { return math.Float32frombits(uint32(e.Bits)) }

// isF32 compares bits, so that the signs of zeros count.
func isF32(e *Expr, v float64) bool {
	return e.Op == Const && e.Type == dim.Float32 && uint32(e.Bits) == math.Float32bits(float32(v))
}

func constBool(e *Expr) (v, ok bool) {
	return e.Bits != 0, e.Op == Const && e.Type == dim.Bool
}

// IntValue returns the value of a constant index.
func (e *Expr) IntValue() (n int64, ok bool) {
	return int64(e.Bits), e.Op == Const && e.Type == dim.Int64
}

// wrapInt keeps the bits of an integer as its type holds them: sign-extended,
// or zero-extended for unsigned types.
func wrapInt(t dim.DType, v uint64) uint64 {
	switch t {
	case dim.Int32:
		return uint64(int64(int32(v)))
	case dim.Int16:
		return uint64(int64(int16(v)))
	case dim.Int8:
		return uint64(int64(int8(v)))
	case dim.Uint8:
		return uint64(uint8(v))
	case dim.Uint32:
		return uint64(uint32(v))
	}
	return v
}

// floatBits rounds v to t. The 16-bit types round through float32, as casts do.
func floatBits(t dim.DType, v float64) uint64 {
	switch t {
	case dim.Float64:
		return math.Float64bits(v)
	case dim.Float32:
		return uint64(math.Float32bits(float32(v)))
	case dim.BFloat16:
		return uint64(halfBits(float32(v), 8))
	case dim.Float16:
		return uint64(halfBits(float32(v), 5))
	}
	panic(fmt.Sprintf("loop: %s is not a float type", t))
}

// halfBits rounds to a 16-bit float with the given number of exponent bits,
// ties to even.
func halfBits(f float32, exponent int) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	if f != f {
		return sign | uint16(1<<15-1)&^(1<<(14-exponent)-1)
	}
	fraction := 15 - exponent
	bias := 1<<(exponent-1) - 1
	least := math.Ldexp(1, 1-bias-fraction) // the smallest subnormal
	a := math.Abs(float64(f))
	if a < math.Ldexp(1, 1-bias) {
		return sign | uint16(math.RoundToEven(a/least))
	}
	m, e := math.Frexp(a) // a = m * 2^e, m in [0.5, 1)
	q := math.RoundToEven(math.Ldexp(m, fraction+1))
	if math.IsInf(a, 0) {
		return sign | uint16(1<<exponent-1)<<fraction
	}
	v := (uint64(e-1+bias) << fraction) + uint64(q) - 1<<fraction
	if v >= uint64(1<<exponent-1)<<fraction {
		v = uint64(1<<exponent-1) << fraction
	}
	return sign | uint16(v)
}

// foldCast converts a constant; ok is false where only a target's rule decides.
func foldCast(t dim.DType, x *Expr) (uint64, bool) {
	var v float64
	switch {
	case x.Type == dim.Float32:
		v = float64(f32Of(x))
	case x.Type == dim.Float64:
		v = math.Float64frombits(x.Bits)
	case x.Type.IsInt() || x.Type == dim.Bool:
		n := int64(x.Bits)
		switch {
		case t == dim.Bool:
			return boolBits(n != 0), true
		case t.IsInt():
			return wrapInt(t, uint64(n)), true
		case t == dim.Float32:
			return uint64(math.Float32bits(float32(n))), true
		case t == dim.Float64:
			return math.Float64bits(float64(n)), true
		}
		return 0, false
	default:
		return 0, false
	}
	switch {
	case t == dim.Float32 || t == dim.Float64:
		return floatBits(t, v), true
	case t == dim.Bool:
		return boolBits(v != 0), true
	case t == dim.Int64 && math.Abs(v) < 1<<62, t == dim.Int32 && math.Abs(v) < 1<<30:
		return wrapInt(t, uint64(int64(v))), true
	}
	return 0, false
}

func boolBits(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// Within returns the condition 0 <= e < n for an index e; true when it is known.
func (b *Builder) Within(e *Expr, n dim.Dim) *Expr {
	return b.And(b.Bin(Le, b.Int(0), e), b.Bin(Lt, e, b.Dim(n)))
}

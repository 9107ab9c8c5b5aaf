package eval

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// value returns the bits of e at the present point.
func (r *kernelRun) value(e *loop.Expr) uint64 {
	switch e.Op {
	case loop.Const, loop.AxisVar, loop.Counter, loop.ScalarArg, loop.ResultOf, loop.NextOf:
		return r.compute(e)
	}
	v := r.values[e]
	if v == nil {
		v = &stamped{epoch: -1}
		r.values[e] = v
	}
	if v.epoch != r.epoch {
		v.bits, v.epoch = r.compute(e), r.epoch
	}
	return v.bits
}

func (r *kernelRun) compute(e *loop.Expr) uint64 {
	switch e.Op {
	case loop.Const:
		return castInt(int64(e.Bits), e.Type)
	case loop.AxisVar:
		return uint64(r.axes[e.Axis])
	case loop.DimVar:
		n, err := e.Dim.Eval(r.dims)
		if err != nil && r.err == nil {
			r.err = err
		}
		return uint64(n)
	case loop.Counter:
		return uint64(r.counters[e.Name])
	case loop.ScalarArg:
		return r.args[e.Scalar]
	case loop.ResultOf:
		return r.results[e.Result]
	case loop.NextOf:
		return r.next[e.Carry]
	case loop.Load:
		return r.load(e)
	case loop.CallFn:
		return r.value(r.expand(e))
	case loop.Select:
		if r.value(e.Args[0]) != 0 {
			return r.value(e.Args[1])
		}
		return r.value(e.Args[2])
	case loop.Cast:
		return castBits(r.value(e.Args[0]), e.Args[0].Type, e.Type)
	case loop.Bitcast:
		return castInt(int64(r.value(e.Args[0])), e.Type)
	case loop.FMA:
		return fma(e.Type, r.value(e.Args[0]), r.value(e.Args[1]), r.value(e.Args[2]))
	}
	if len(e.Args) == 1 {
		return unary(e.Op, e.Type, r.value(e.Args[0]))
	}
	return binary(e.Op, e.Args[0].Type, r.value(e.Args[0]), r.value(e.Args[1]))
}

// expand returns the body of a call, built once in a run of the kernel.
func (r *kernelRun) expand(e *loop.Expr) *loop.Expr {
	x, ok := r.expanded[e]
	if !ok {
		x = r.expander.Expand(e)
		r.expanded[e] = x
	}
	return x
}

func (r *kernelRun) load(e *loop.Expr) uint64 {
	if e.Guard != nil && r.value(e.Guard) == 0 {
		return r.value(e.Args[0])
	}
	at, ok := r.position(e.Param, e.Index)
	if !ok {
		return 0
	}
	return r.mem[e.Param].data[at]
}

// Widths: a float64 or int64 fills the word; a float32, uint32, bfloat16, float16
// or uint8 is zero-extended; other integers are sign-extended; bool is 0 or 1.

func f32(b uint64) float32      { return math.Float32frombits(uint32(b)) }
func bits32(f float32) uint64   { return uint64(math.Float32bits(f)) }
func bitsOf64(f float64) uint64 { return math.Float64bits(f) }

func btoi(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// castInt wraps an integer, or the bits of a float, into the range of t.
func castInt(v int64, t dim.DType) uint64 {
	switch t {
	case dim.Int32:
		return uint64(int64(int32(v)))
	case dim.Int16:
		return uint64(int64(int16(v)))
	case dim.Int8:
		return uint64(int64(int8(v)))
	case dim.Uint8:
		return uint64(uint8(v))
	case dim.Uint32, dim.Float32:
		return uint64(uint32(v))
	case dim.BFloat16, dim.Float16:
		return uint64(uint16(v))
	}
	return uint64(v)
}

// toFloat returns a float value exactly in float64.
func toFloat(b uint64, t dim.DType) float64 {
	switch t {
	case dim.Float64:
		return math.Float64frombits(b)
	case dim.Float32:
		return float64(f32(b))
	case dim.BFloat16:
		return float64(mlrt.FromBFloat16(uint16(b)))
	case dim.Float16:
		return float64(mlrt.FromFloat16(uint16(b)))
	}
	panic("eval: not a float: " + t.String())
}

// fromFloat rounds a float64 once to a float type. The halves go through
// float32 only where the source was one, as kernels do.
func fromFloat(f float64, t dim.DType) uint64 {
	switch t {
	case dim.Float64:
		return bitsOf64(f)
	case dim.Float32:
		return bits32(float32(f))
	case dim.BFloat16:
		return uint64(mlrt.ToBFloat16(float32(f)))
	case dim.Float16:
		return uint64(mlrt.ToFloat16(float32(f)))
	}
	panic("eval: not a float: " + t.String())
}

func castBits(b uint64, from, to dim.DType) uint64 {
	switch {
	case from == to:
		return b
	case to == dim.Bool && from.IsFloat():
		return btoi(toFloat(b, from) != 0)
	case to == dim.Bool:
		return btoi(b != 0)
	case from.IsFloat() && to.IsFloat():
		return fromFloat(toFloat(b, from), to)
	case from.IsFloat():
		return saturate(toFloat(b, from), to)
	case to == dim.Float32:
		return bits32(float32(int64(b))) // one rounding
	case to.IsFloat():
		return fromFloat(float64(int64(b)), to)
	}
	return castInt(int64(b), to)
}

// saturate truncates towards zero; NaN gives 0.
func saturate(f float64, t dim.DType) uint64 {
	limits := map[dim.DType][2]float64{
		dim.Int64: {-1 << 63, 1 << 63}, dim.Int32: {-1 << 31, 1<<31 - 1}, dim.Int16: {-1 << 15, 1<<15 - 1},
		dim.Int8: {-128, 127}, dim.Uint8: {0, 255}, dim.Uint32: {0, 1<<32 - 1},
	}[t]
	switch {
	case f != f:
		return 0
	case f <= limits[0]:
		return castInt(int64(limits[0]), t)
	case f >= limits[1] && t == dim.Int64:
		return math.MaxInt64
	case f >= limits[1]:
		return castInt(int64(limits[1]), t)
	}
	return castInt(int64(f), t)
}

func isNaN(t dim.DType, b uint64) bool {
	if !t.IsFloat() {
		return false
	}
	f := toFloat(b, t)
	return f != f
}

func fma(t dim.DType, a, b, c uint64) uint64 {
	if t == dim.Float64 {
		return bitsOf64(math.FMA(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)))
	}
	return bits32(mlrt.FMA(f32(a), f32(b), f32(c)))
}

func unary(op loop.Op, t dim.DType, a uint64) uint64 {
	if !t.IsFloat() {
		return unaryInt(op, t, int64(a))
	}
	f := toFloat(a, t)
	switch op {
	case loop.Neg:
		f = math.Copysign(f, -1)
		if !math.Signbit(toFloat(a, t)) {
			return fromFloat(f, t)
		}
		return fromFloat(math.Abs(f), t)
	case loop.Abs:
		f = math.Abs(f)
	case loop.Sqrt:
		f = math.Sqrt(f) // correctly rounded for float32 too: the double rounding is harmless (Figueroa 1995)
	case loop.Floor:
		f = math.Floor(f)
	case loop.Round:
		f = math.RoundToEven(f)
	default:
		panic(fmt.Sprintf("eval: operation %d of one float", op))
	}
	return fromFloat(f, t)
}

func unaryInt(op loop.Op, t dim.DType, v int64) uint64 {
	switch op {
	case loop.Neg:
		return castInt(-v, t)
	case loop.Abs:
		if v < 0 && t != dim.Uint32 {
			v = -v
		}
		return castInt(v, t)
	case loop.Not:
		if t == dim.Bool {
			return btoi(v == 0)
		}
		return castInt(^v, t)
	case loop.Floor, loop.Round:
		return uint64(v)
	}
	panic(fmt.Sprintf("eval: operation %d of one %s", op, t))
}

// binary applies op to two values of type t. Comparisons give a bool.
func binary(op loop.Op, t dim.DType, a, b uint64) uint64 {
	switch {
	case t == dim.Float32:
		return binary32(op, f32(a), f32(b))
	case t.IsFloat():
		return binary64(op, t, toFloat(a, t), toFloat(b, t))
	}
	return binaryInt(op, t, a, b)
}

func binary32(op loop.Op, x, y float32) uint64 {
	switch op {
	case loop.Add:
		return bits32(x + y)
	case loop.Sub:
		return bits32(x - y)
	case loop.Mul:
		return bits32(x * y)
	case loop.Div:
		return bits32(x / y)
	case loop.Min:
		if x < y {
			return bits32(x)
		}
		return bits32(y)
	case loop.Max:
		if x > y {
			return bits32(x)
		}
		return bits32(y)
	}
	return compare(op, x, y)
}

func binary64(op loop.Op, t dim.DType, x, y float64) uint64 {
	switch op {
	case loop.Add:
		return fromFloat(x+y, t)
	case loop.Sub:
		return fromFloat(x-y, t)
	case loop.Mul:
		return fromFloat(x*y, t)
	case loop.Div:
		return fromFloat(x/y, t)
	case loop.Min:
		if x < y {
			return fromFloat(x, t)
		}
		return fromFloat(y, t)
	case loop.Max:
		if x > y {
			return fromFloat(x, t)
		}
		return fromFloat(y, t)
	}
	return compare(op, x, y)
}

func compare[T float32 | float64 | int64 | uint64](op loop.Op, x, y T) uint64 {
	switch op {
	case loop.Lt:
		return btoi(x < y)
	case loop.Le:
		return btoi(x <= y)
	case loop.Eq:
		return btoi(x == y)
	case loop.Ne:
		return btoi(x != y)
	}
	panic(fmt.Sprintf("eval: operation %d of two values", op))
}

func binaryInt(op loop.Op, t dim.DType, a, b uint64) uint64 {
	x, y := int64(a), int64(b)
	switch op {
	case loop.Add:
		return castInt(x+y, t)
	case loop.Sub:
		return castInt(x-y, t)
	case loop.Mul:
		return castInt(x*y, t)
	case loop.Div:
		if y == 0 {
			return 0
		}
		return castInt(x/y, t)
	case loop.Mod, loop.FloorDiv:
		if y == 0 {
			return 0
		}
		q, m := x/y, x%y
		if m != 0 && (m < 0) != (y < 0) {
			q, m = q-1, m+y
		}
		if op == loop.Mod {
			return castInt(m, t)
		}
		return castInt(q, t)
	case loop.Min:
		return castInt(min(x, y), t)
	case loop.Max:
		return castInt(max(x, y), t)
	case loop.And:
		return castInt(x&y, t)
	case loop.Or:
		return castInt(x|y, t)
	case loop.Xor:
		return castInt(x^y, t)
	case loop.Shl:
		return castInt(x<<uint64(y), t)
	case loop.Shr:
		return castInt(x>>uint64(y), t)
	case loop.MulHi:
		hi, lo := bits.Mul64(uint64(uint32(a)), uint64(uint32(b)))
		return hi<<32 | lo>>32
	}
	return compare(op, x, y)
}

// identity is the value that a combiner starts from.
func identity(op loop.Combiner, t dim.DType) partial {
	one, low, high := uint64(1), int64(math.MinInt64), int64(math.MaxInt64)
	switch t {
	case dim.Int32:
		low, high = math.MinInt32, math.MaxInt32
	case dim.Int16:
		low, high = math.MinInt16, math.MaxInt16
	case dim.Int8:
		low, high = math.MinInt8, math.MaxInt8
	case dim.Uint8:
		low, high = 0, math.MaxUint8
	case dim.Uint32:
		low, high = 0, math.MaxUint32
	}
	neg, pos := uint64(low), uint64(high)
	if t.IsFloat() {
		one, neg, pos = fromFloat(1, t), fromFloat(math.Inf(-1), t), fromFloat(math.Inf(1), t)
	}
	switch op {
	case loop.Prod, loop.AllOf:
		return partial{one, -1}
	case loop.MaxOf, loop.ArgMaxOf:
		return partial{neg, -1}
	case loop.MinOf, loop.ArgMinOf:
		return partial{pos, -1}
	}
	return partial{0, -1}
}

// combine joins two partial results, a's elements being those of lower lanes.
func combine(op loop.Combiner, t dim.DType, a, b partial) partial {
	switch op {
	case loop.Sum:
		return partial{binary(loop.Add, t, a.bits, b.bits), -1}
	case loop.Prod:
		return partial{binary(loop.Mul, t, a.bits, b.bits), -1}
	case loop.AnyOf:
		return partial{a.bits | b.bits, -1}
	case loop.AllOf:
		return partial{a.bits & b.bits, -1}
	case loop.MaxOf:
		return pick(binary(loop.Lt, t, a.bits, b.bits) != 0 || isNaN(t, b.bits), a, b)
	case loop.MinOf:
		return pick(binary(loop.Lt, t, b.bits, a.bits) != 0 || isNaN(t, b.bits), a, b)
	}
	return argExtreme(op, t, a, b)
}

func pick(second bool, a, b partial) partial {
	if second {
		return b
	}
	return a
}

// argExtreme gives the lowest index of the extreme value; a NaN is the most
// extreme, and a real element beats the identity.
func argExtreme(op loop.Combiner, t dim.DType, a, b partial) partial {
	if a.index < 0 || b.index < 0 {
		return pick(a.index < 0, a, b)
	}
	if an, bn := isNaN(t, a.bits), isNaN(t, b.bits); an || bn {
		return pick(bn && (!an || b.index < a.index), a, b)
	}
	x, y := a.bits, b.bits
	if op == loop.ArgMinOf {
		x, y = y, x
	}
	better := binary(loop.Lt, t, x, y) != 0
	same := binary(loop.Eq, t, x, y) != 0
	return pick(better || same && b.index < a.index, a, b)
}

// Bits returns v rounded once to an element type, as Exact keeps it.
func Bits(v float64, t dim.DType) uint64 { return castBits(bitsOf64(v), dim.Float64, t) }

// Number returns the value of an element that Exact keeps.
func Number(b uint64, t dim.DType) float64 {
	if t.IsFloat() {
		return toFloat(b, t)
	}
	return float64(int64(b))
}

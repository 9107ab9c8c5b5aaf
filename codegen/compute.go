package codegen

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

var binaryOps = map[loop.Op]string{
	loop.Add: "+", loop.Sub: "-", loop.Lt: "<", loop.Le: "<=", loop.Eq: "==", loop.Ne: "!=",
	loop.And: "&", loop.Or: "|", loop.Xor: "^", loop.Shl: "<<", loop.Shr: ">>",
}

// compute prints one operation. Its second result is true when the value has a
// name already, because Go needs a statement for it; home is where that stands.
func (p *printer) compute(e *loop.Expr, index bool, home *scope) (v expr, named bool) {
	switch e.Op {
	case loop.Load:
		return p.load(e, index, home)
	case loop.Select:
		if least := p.flushes(e); least != nil {
			return call(rt("Flush"), p.value(e.Args[2], false), p.value(least, false)), false
		}
		c, x, y := p.value(e.Args[0], false), p.value(e.Args[1], index), p.value(e.Args[2], index)
		return p.choose(e, index, home, c, x, y), true
	case loop.Min, loop.Max:
		x, y := p.value(e.Args[0], index), p.value(e.Args[1], index)
		if e.Type.IsInt() {
			return call(id(e.Op.String()), p.firmInt(e, x, y), y), false
		}
		return p.extreme(e, index, home, x, y), true
	case loop.CallFn:
		return p.callFn(e), false
	case loop.Cast:
		return p.cast(e, index), false
	case loop.Bitcast:
		return p.bitcast(e), false
	case loop.FMA:
		x, y, z := p.value(e.Args[0], false), p.value(e.Args[1], false), p.value(e.Args[2], false)
		if e.Type == dim.Float64 {
			return call(std("math", "FMA"), x, y, z), false
		}
		return call(rt("FMA"), x, y, z), false
	}
	if len(e.Args) == 1 {
		return p.one(e, p.value(e.Args[0], index)), false
	}
	return p.two(e, index), false
}

// flushes returns the bound below which a conditional value is 0 in place of another,
// if it is such a one.
func (p *printer) flushes(e *loop.Expr) (least *loop.Expr) {
	c, x, y := e.Args[0], e.Args[1], e.Args[2]
	if e.Type != dim.Float32 || c.Op != loop.Lt || x.Op != loop.Const || x.Bits != 0 {
		return nil
	}
	size := c.Args[0]
	if size.Op != loop.Abs || size.Args[0] != y || c.Args[1].Op != loop.Const {
		return nil
	}
	if p.uses[c] <= 1 && p.uses[size] <= 1 && p.uses[y] > 1 {
		p.uses[y]-- // nothing else asks for its magnitude
	}
	return c.Args[1]
}

// callFn calls a named function.
func (p *printer) callFn(e *loop.Expr) expr {
	if e.Fn == fnWord {
		return index(p.value(e.Args[0], false), p.value(e.Args[1], true))
	}
	args := make([]expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = p.value(a, false)
	}
	if e.Fn == fnPhilox {
		return call(rt("Philox"), composite("[2]uint32", elems(args[:2]...)...), composite("[4]uint32", elems(args[2:]...)...))
	}
	return call(rt(exported(e.Fn.Name)), args...)
}

// load reads an element; a guarded one needs a statement.
func (p *printer) load(e *loop.Expr, index bool, home *scope) (expr, bool) {
	read := func() expr {
		v := p.element(e.Param, e.Index)
		if index {
			return convert("int", v)
		}
		return v
	}
	if e.Guard == nil {
		v := read()
		v.ops++ // a name is shorter, and tells what it is
		if home == p.top() && p.uses[e] <= 1 {
			v.ops--
		}
		return v, false
	}
	guard, els := p.value(e.Guard, false), p.value(e.Args[0], index)
	v := p.define(home, p.baseName(e), p.typed(e, index, els))
	p.within(home, func() {
		home.body.when(guard, func(b *body) {
			p.push(b, true)
			b.set(v, read())
			p.pop()
		})
	})
	return v, true
}

// choose is a conditional value: the second one, then the first when c holds.
func (p *printer) choose(e *loop.Expr, index bool, home *scope, c, x, y expr) expr {
	v := p.define(home, p.baseName(e), p.typed(e, index, y))
	home.body.when(c, func(b *body) { b.set(v, x) })
	return v
}

// firm gives a constant operand its type where the other operand may be a
// constant too: Go would compute with exact constants.
func (p *printer) firm(e *loop.Expr, v expr) expr {
	if v.untyped && !v.isInt {
		return call(rt("Var"), convert(goType(e.Type, false), v))
	}
	return v
}

// extreme is the smaller or larger of two floats: the second one unless the
// first is truly smaller or larger.
func (p *printer) extreme(e *loop.Expr, index bool, home *scope, x, y expr) expr {
	op := "<"
	if e.Op == loop.Max {
		op = ">"
	}
	if y.ops > 0 {
		y = p.define(home, "t", y)
	}
	v := p.define(home, p.baseName(e), p.typed(e, index, x))
	home.body.when(unary("!", parens(binRaw(op, v, y))), func(b *body) { b.set(v, y) })
	return v
}

// compare prints a comparison, constants on the right.
func (p *printer) compare(op string, a *loop.Expr, x, y expr) expr {
	if x.untyped && !y.untyped {
		return binRaw(map[string]string{"<": ">", "<=": ">=", "==": "==", "!=": "!="}[op], y, x)
	}
	return binRaw(op, p.firmWith(a, x, y), y)
}

// firmWith is firm when the other operand is a constant too.
func (p *printer) firmWith(e *loop.Expr, v, other expr) expr {
	if other.untyped {
		return p.firm(e, v)
	}
	return v
}

// one prints an operation of one operand.
func (p *printer) one(e *loop.Expr, x expr) expr {
	t := e.Args[0].Type
	switch e.Op {
	case loop.Neg:
		return unary("-", p.firm(e.Args[0], x))
	case loop.Not:
		if t == dim.Bool {
			return unary("!", x)
		}
		return unary("^", x)
	case loop.Abs:
		if t.IsInt() {
			return call(rt("AbsInt"), p.typed(e, false, x))
		}
		if t == dim.Float32 {
			return call(rt("Abs"), x)
		}
		return fromMath(t, "Abs", x)
	case loop.Sqrt:
		if t == dim.Float32 {
			return call(rt("Sqrt"), x)
		}
		return fromMath(t, "Sqrt", x)
	case loop.Floor:
		return fromMath(t, "Floor", x)
	case loop.Round:
		return fromMath(t, "RoundToEven", x)
	}
	return p.fail("operation %s of one operand", e.Op)
}

// fromMath calls a function of package math that is exact in float64 and whose
// result rounds to the right float32.
func fromMath(t dim.DType, name string, x expr) expr {
	if t == dim.Float64 {
		return call(std("math", name), x)
	}
	return convert("float32", call(std("math", name), convert("float64", x)))
}

// draws returns the random word that a product makes a number from 0 to 1 of, nil if
// it is another one.
func draws(e *loop.Expr) (word *loop.Expr) {
	a, b := e.Args[0], e.Args[1]
	if e.Op != loop.Mul || e.Type != dim.Float32 || a.Op != loop.Cast || b.Op != loop.Const || math.Float32frombits(uint32(b.Bits)) != 0x1p-24 {
		return nil
	}
	high := a.Args[0]
	for high.Op == loop.Bitcast || high.Op == loop.Cast && high.Type == dim.Int32 {
		high = high.Args[0]
	}
	if high.Op != loop.Shr || high.Type != dim.Uint32 || high.Args[1].Op != loop.Const || high.Args[1].Bits != 8 {
		return nil
	}
	return high.Args[0]
}

// two prints an operation of two operands.
func (p *printer) two(e *loop.Expr, index bool) expr {
	if word := draws(e); word != nil {
		return call(rt("Uniform"), p.value(word, false))
	}
	a, b := e.Args[0], e.Args[1]
	index = index || p.counts(e)
	x, y := p.value(a, index), p.value(b, index)
	if a.Type.IsFloat() {
		return p.twoFloats(e, p.firmWith(a, x, y), y)
	}
	if v, ok := foldWord(e.Op, a.Type, x, y); ok {
		return v
	}
	switch e.Op {
	case loop.And:
		if a.Type == dim.Bool {
			return binRaw("&&", x, y)
		}
	case loop.Or:
		if a.Type == dim.Bool {
			return binRaw("||", x, y)
		}
	case loop.Xor:
		if a.Type == dim.Bool {
			return binRaw("!=", x, y)
		}
	case loop.Mul:
		return p.integer(e, "*", x, y)
	case loop.Div:
		if y.isInt && y.number > 0 {
			return p.integer(e, "/", x, y)
		}
		return call(rt("Div"), x, y)
	case loop.FloorDiv, loop.Mod:
		return p.floorDiv(e, x, y)
	case loop.MulHi:
		return call(rt("MulHi"), x, y)
	case loop.Shl, loop.Shr:
		if !y.isInt {
			y = convert("uint64", y)
		}
		if x.untyped {
			x = call(rt("Var"), convert(goType(a.Type, index), x))
		}
		return binRaw(binaryOps[e.Op], x, y)
	}
	op, ok := binaryOps[e.Op]
	if !ok {
		return p.fail("operation %s of two integers", e.Op)
	}
	return p.integer(e, op, x, y)
}

// counts reports whether a comparison is one of positions, which are ints.
func (p *printer) counts(e *loop.Expr) bool {
	switch e.Op {
	case loop.Lt, loop.Le, loop.Eq, loop.Ne:
		return e.Args[0].Type == dim.Int64 && !holdsData(e.Args[0]) && !holdsData(e.Args[1])
	}
	return false
}

// holdsData reports whether an int64 is computed from data, which may not fit an
// int everywhere.
func holdsData(e *loop.Expr) bool {
	switch e.Op {
	case loop.Const, loop.AxisVar, loop.DimVar, loop.Counter:
		return false
	case loop.Add, loop.Sub, loop.Mul, loop.FloorDiv, loop.Mod, loop.Div, loop.Min, loop.Max, loop.Neg:
		for _, a := range e.Args {
			if holdsData(a) {
				return true
			}
		}
		return false
	}
	return true
}

// integer is bin for values of e's type: only int64 folds, since the others wrap.
func (p *printer) integer(e *loop.Expr, op string, x, y expr) expr {
	if e.Args[0].Type == dim.Int64 {
		return bin(op, x, y)
	}
	return binRaw(op, p.firmInt(e.Args[0], x, y), y)
}

// firmInt keeps Go from folding two constants of a small type, which it refuses
// when they overflow.
func (p *printer) firmInt(e *loop.Expr, x, y expr) expr {
	if x.untyped && y.untyped && e.Type != dim.Int64 {
		return call(rt("Var"), convert(goType(e.Type, false), x))
	}
	return x
}

// foldWord computes with uint32 constants, of which the draws of random numbers
// are full, and drops operations that change nothing.
func foldWord(op loop.Op, t dim.DType, x, y expr) (expr, bool) {
	if t != dim.Uint32 {
		return expr{}, false
	}
	zeroX, zeroY := x.isInt && x.number == 0, y.isInt && y.number == 0
	switch op {
	case loop.Xor, loop.Or, loop.Add:
		if zeroX {
			return y, true
		}
		if zeroY {
			return x, true
		}
	case loop.Mul, loop.MulHi, loop.And:
		if zeroX || zeroY {
			return num(0), true
		}
	}
	if !x.isInt || !y.isInt {
		return expr{}, false
	}
	a, b := uint32(x.number), uint32(y.number)
	switch op {
	case loop.Xor:
		return num(int64(a ^ b)), true
	case loop.Or:
		return num(int64(a | b)), true
	case loop.And:
		return num(int64(a & b)), true
	case loop.Add:
		return num(int64(a + b)), true
	case loop.Sub:
		return num(int64(a - b)), true
	case loop.Mul:
		return num(int64(a * b)), true
	case loop.MulHi:
		return num(int64(uint64(a) * uint64(b) >> 32)), true
	}
	return expr{}, false
}

// floorDiv prints a floored division or its remainder: Go's own where nothing is
// negative and the divisor is a constant.
func (p *printer) floorDiv(e *loop.Expr, x, y expr) expr {
	op, name := "/", "FloorDiv"
	if e.Op == loop.Mod {
		op, name = "%", "FloorMod"
	}
	if y.isInt && y.number > 0 && notNegative(e.Args[0]) {
		return bin(op, x, y)
	}
	if d, ok := sizeOf(e.Args[1]); ok && notNegative(e.Args[0]) {
		if low, ok := d.Min(); ok && low > 0 && d.Symbols() != nil {
			return bin(op, x, y)
		}
	}
	return call(rt(name), x, y)
}

// notNegative reports whether an index is known to be at least 0.
func notNegative(e *loop.Expr) bool {
	switch e.Op {
	case loop.Const:
		return int64(e.Bits) >= 0
	case loop.AxisVar, loop.Counter:
		return true
	case loop.DimVar:
		low, ok := e.Dim.Min()
		return ok && low >= 0
	case loop.Add, loop.Mul, loop.FloorDiv, loop.Mod, loop.Min:
		return notNegative(e.Args[0]) && notNegative(e.Args[1])
	case loop.Cast:
		return e.Args[0].Type == dim.Uint8 || e.Args[0].Type == dim.Bool || e.Args[0].Type == dim.Uint32
	}
	return false
}

// twoFloats prints an operation of two floats. A product is rounded by an
// explicit conversion unless a product or quotient takes it: Go may fuse a
// product with a sum wherever it meets one.
func (p *printer) twoFloats(e *loop.Expr, x, y expr) expr {
	t := e.Args[0].Type
	if t != dim.Float32 && t != dim.Float64 {
		return p.fail("arithmetic on %s", t)
	}
	switch e.Op {
	case loop.Mul:
		product := binRaw("*", x.unrounded(), y.unrounded())
		v := convert(goType(t, false), product)
		v.ops--
		v.bare = &product
		return v
	case loop.Div:
		if b := e.Args[1]; b.Op == loop.Const && (b.Bits == 0 || t == dim.Float32 && uint32(b.Bits) == 1<<31) { // Go refuses a constant 0, as of the mean of nothing
			y = call(rt("Var"), convert(goType(t, false), y))
		}
		return binRaw("/", x.unrounded(), y.unrounded())
	}
	op, ok := binaryOps[e.Op]
	if !ok {
		return p.fail("operation %s of two floats", e.Op)
	}
	if e.Type == dim.Bool {
		return p.compare(op, e.Args[0], x, y)
	}
	return binRaw(op, x, y)
}

// unrounded returns a product without the conversion that keeps it from being fused.
func (e expr) unrounded() expr {
	if e.bare != nil {
		return *e.bare
	}
	return e
}

// cast prints a conversion between element types.
func (p *printer) cast(e *loop.Expr, index bool) expr {
	a := e.Args[0]
	from, to := a.Type, e.Type
	x := p.typed(a, false, p.value(a, !from.IsFloat() && from == dim.Int64 && !holdsData(a)))
	switch {
	case to == dim.Bool:
		zero := num(0)
		if from.IsFloat() {
			x = widen(from, x)
		}
		return binRaw("!=", x, zero)
	case from == dim.Bool:
		if to == dim.BFloat16 || to == dim.Float16 {
			return narrow(to, call(rt("Number<float32>"), x))
		}
		return call(rt("Number<"+goType(to, index)+">"), x)
	case from.IsFloat() && to.IsFloat():
		return narrow(to, widen(from, x))
	case from.IsFloat():
		v := call(rt(exported("to "+goTypes[to])), convert("float64", widen(from, x)))
		if index {
			v = convert("int", v)
		}
		return v
	case to == dim.Float32 || to == dim.Float64:
		return convert(goFloat(to), x)
	case to.IsFloat():
		return narrow(to, convert("float32", x))
	}
	return convert(goType(to, index), x)
}

// goFloat is the Go type that computes for a float type.
func goFloat(t dim.DType) string {
	if t == dim.Float64 {
		return "float64"
	}
	return "float32"
}

// widen returns a float as the Go type that computes with it.
func widen(t dim.DType, x expr) expr {
	switch t {
	case dim.BFloat16:
		return call(rt("FromBFloat16"), x)
	case dim.Float16:
		return call(rt("FromFloat16"), x)
	}
	return x
}

// narrow returns a computed float as t.
func narrow(t dim.DType, x expr) expr {
	switch t {
	case dim.BFloat16:
		return call(rt("ToBFloat16"), convert("float32", x))
	case dim.Float16:
		return call(rt("ToFloat16"), convert("float32", x))
	}
	return convert(goFloat(t), x)
}

// bitcast reinterprets 32 bits.
func (p *printer) bitcast(e *loop.Expr) expr {
	a := e.Args[0]
	x := p.typed(a, false, p.value(a, false))
	switch {
	case a.Type == dim.Float32 && e.Type == dim.Uint32:
		return call(std("math", "Float32bits"), x)
	case a.Type == dim.Float32 && e.Type == dim.Int32:
		return convert("int32", call(std("math", "Float32bits"), x))
	case e.Type == dim.Float32 && a.Type == dim.Uint32:
		return call(std("math", "Float32frombits"), x)
	case e.Type == dim.Float32 && a.Type == dim.Int32:
		return call(std("math", "Float32frombits"), convert("uint32", x))
	case a.Type.IsInt() && e.Type.IsInt():
		return convert(goType(e.Type, false), x)
	}
	return p.fail("bits of %s as %s", a.Type, e.Type)
}

package simd

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

const signBit = 0x80000000

// A bfloat16 is held in lanes as the float32 of the same value.

// eval returns the value of e in all lanes of the present vector: a vector
// register or a constant, for bool a mask.
func (g *generator) eval(e *loop.Expr) operand {
	e = g.unguarded(e)
	switch {
	case e.Op == loop.Const && e.Type == dim.BFloat16:
		return pattern(uint32(e.Bits) << 16)
	case e.Op == loop.Const && e.Type != dim.Bool:
		return pattern(uint32(e.Bits))
	case e.Op == loop.ResultOf:
		return g.results[e.Result].of(g.r, g.v)
	case e.Op == loop.NextOf:
		return g.nexts[e.Carry.Current]
	}
	d := g.dependence(e)
	return g.once(valueKey{e: e, r: g.r, v: g.v}, d, func() operand { return g.compute(e) })
}

// of returns the operand of a tile's point.
func (r *result) of(row, v int) operand {
	if !r.row {
		row = -1
	}
	if !r.lane {
		v = -1
	}
	return r.at[[2]int{row, v}]
}

// vecReg puts a constant into a register.
func (g *generator) vecReg(o operand) operand {
	if o.kind != constOperand {
		return o
	}
	return g.once(valueKey{text: fmt.Sprintf("constant %x", o.bits)}, dependence{}, func() operand {
		r := g.newReg(vec)
		g.emit(moveVector, o, r.op())
		return r.op()
	})
}

// bin emits d = x op y. The first operand of the machine must be a register.
func (g *generator) bin(op string, x, y operand) operand {
	d := g.newReg(vec)
	g.emit(op, y, g.vecReg(x), d.op())
	return d.op()
}

// commute is bin for operations whose operands may change places.
func (g *generator) commute(op string, x, y operand) operand {
	if x.kind == constOperand {
		x, y = y, x
	}
	return g.bin(op, x, y)
}

// logic is a bitwise operation.
func (g *generator) logic(op string, x, y operand) operand {
	op = "VP" + op
	if g.target == AVX512 {
		op += "D"
	}
	return g.commute(op, x, y)
}

func (g *generator) compute(e *loop.Expr) operand {
	if e.Type == dim.Int64 && e.Op != loop.Load && e.Op != loop.Select && e.Op != loop.Cast {
		if !g.dependence(e).lane && inScalars(e) {
			return g.broadcastInteger(g.integer(e))
		}
		return g.vecReg(g.laneInteger(e))
	}
	switch e.Op {
	case loop.Const:
		return g.boolConst(e.Bits != 0)
	case loop.ScalarArg:
		if e.Type == dim.BFloat16 {
			r := g.newReg(gp)
			g.emit("MOVWLZX", g.memory("s "+e.Scalar.Name), r.op())
			return g.widen(e.Type, g.broadcastInteger(r.op()))
		}
		d := g.newReg(vec)
		g.emit("VBROADCASTSS", g.memory("s "+e.Scalar.Name), d.op())
		return d.op()
	case loop.Load:
		return g.load(e)
	case loop.FMA:
		return g.fma(e)
	case loop.Lt, loop.Le, loop.Eq, loop.Ne:
		return g.compare(e)
	case loop.Select:
		return g.choose(e)
	case loop.Cast:
		return g.cast(e)
	case loop.Bitcast:
		return g.vecReg(g.eval(e.Args[0]))
	case loop.CallFn:
		return g.bin("VSCALEFPS", g.eval(e.Args[0]), g.eval(e.Args[1]))
	}
	switch {
	case e.Type == dim.Bool:
		return g.boolean(e)
	case e.Type == dim.Float32:
		return g.float(e)
	case e.Type == dim.Int32 || e.Type == dim.Uint32:
		return g.int32s(e)
	}
	refuse("arithmetic on " + e.Type.String())
	return operand{}
}

func (g *generator) unary(op string, a ...operand) operand {
	d := g.newReg(vec)
	g.emit(op, append(a, d.op())...)
	return d.op()
}

func (g *generator) float(e *loop.Expr) operand {
	x := g.eval(e.Args[0])
	round := map[Target]string{AVX2: "VROUNDPS", AVX512: "VRNDSCALEPS"}[g.target]
	switch e.Op {
	case loop.Neg:
		return g.logic("XOR", g.vecReg(x), pattern(signBit))
	case loop.Abs:
		return g.logic("AND", g.vecReg(x), pattern(signBit-1))
	case loop.Sqrt:
		return g.unary("VSQRTPS", g.vecReg(x))
	case loop.Floor:
		return g.unary(round, imm(9), g.vecReg(x))
	case loop.Round:
		return g.unary(round, imm(8), g.vecReg(x))
	}
	y := g.eval(e.Args[1])
	switch e.Op {
	case loop.Add:
		return g.commute("VADDPS", x, y)
	case loop.Sub:
		return g.bin("VSUBPS", x, y)
	case loop.Mul:
		return g.commute("VMULPS", x, y)
	case loop.Div:
		return g.bin("VDIVPS", x, y)
	case loop.Min: // the machine's minimum is a < b ? a : b
		return g.bin("VMINPS", x, y)
	case loop.Max:
		return g.bin("VMAXPS", x, y)
	}
	refuse(fmt.Sprintf("float operation %d", e.Op))
	return operand{}
}

// fma emits ±a*b ± c; which operand it overwrites is chosen when the code is allocated.
func (g *generator) fma(e *loop.Expr) operand {
	part := func(e *loop.Expr) (operand, bool) {
		if e.Op == loop.Neg {
			return g.eval(e.Args[0]), true
		}
		return g.eval(e), false
	}
	x, negX := part(e.Args[0])
	y, negY := part(e.Args[1])
	z, negZ := part(e.Args[2])
	if y.kind == constOperand {
		x = g.vecReg(x)
	}
	op := "VF"
	if negX != negY {
		op += "N"
	}
	op += map[bool]string{false: "MADD", true: "MSUB"}[negZ]
	d := g.newReg(vec)
	g.emitFlow(fmaForm, op, x, y, z, d.op())
	return d.op()
}

func (g *generator) int32s(e *loop.Expr) operand {
	x := g.eval(e.Args[0])
	switch e.Op {
	case loop.Neg:
		return g.bin("VPSUBD", pattern(0), x)
	case loop.Not:
		return g.logic("XOR", x, pattern(0xffffffff))
	case loop.Abs:
		return g.unary("VPABSD", g.vecReg(x))
	}
	y := g.eval(e.Args[1])
	signed := e.Type == dim.Int32
	switch e.Op {
	case loop.Add:
		return g.commute("VPADDD", x, y)
	case loop.Sub:
		return g.bin("VPSUBD", x, y)
	case loop.Mul:
		return g.commute("VPMULLD", x, y)
	case loop.And:
		return g.logic("AND", x, y)
	case loop.Or:
		return g.logic("OR", x, y)
	case loop.Xor:
		return g.logic("XOR", x, y)
	case loop.Min, loop.Max:
		return g.commute(map[loop.Op]string{loop.Min: "VPMIN", loop.Max: "VPMAX"}[e.Op]+map[bool]string{true: "SD", false: "UD"}[signed], x, y)
	case loop.MulHi:
		return g.mulHi(x, y)
	case loop.Shl, loop.Shr:
		op := "VPSLL"
		if e.Op == loop.Shr {
			op = map[bool]string{true: "VPSRA", false: "VPSRL"}[signed]
		}
		if y.kind == constOperand {
			return g.unary(op+"D", imm(int64(y.bits)), g.vecReg(x))
		}
		return g.bin(op+"VD", x, y)
	case loop.FloorDiv, loop.Mod:
		if signed && y.kind == constOperand && int32(y.bits) > 0 && y.bits < 1<<20 && y.bits&(y.bits-1) == 0 {
			return g.laneDivide(x, int64(y.bits), e.Op == loop.Mod)
		}
		if signed {
			return g.floorDivide(g.vecReg(x), g.vecReg(y), e.Op == loop.Mod)
		}
	case loop.Div:
		if signed {
			return g.quotients(g.vecReg(x), g.vecReg(y), 11)
		}
	}
	refuse(fmt.Sprintf("integer operation %d", e.Op))
	return operand{}
}

// quotients divides by way of float64, whose quotient of two 32-bit integers never
// rounds across a whole number; round is the machine's code of the direction. By
// zero gives zero.
func (g *generator) quotients(x, y operand, round int64) operand {
	part := func(upper bool) operand {
		half := func(v operand) operand {
			if upper {
				v = g.upperHalf(v)
			}
			d := g.newReg(vec)
			g.emit("VCVTDQ2PD", g.lowerView(v), d.op())
			return d.op()
		}
		q := g.unary("VDIVPD", half(y), half(x))
		q = g.unary(map[Target]string{AVX2: "VROUNDPD", AVX512: "VRNDSCALEPD"}[g.target], imm(round), q)
		d := g.newReg(vec)
		op := map[Target]string{AVX2: "VCVTTPD2DQY", AVX512: "VCVTTPD2DQ"}[g.target]
		g.emit(op, q, g.lowerView(d.op()))
		return d.op()
	}
	low, high := part(false), part(true)
	q := g.newReg(vec)
	g.emit(map[Target]string{AVX2: "VINSERTI128", AVX512: "VINSERTI64X4"}[g.target], imm(1), g.lowerView(high), low, q.op())
	zero := g.intCompare(loop.Eq, y, pattern(0))
	return g.blend(zero, pattern(0), q.op())
}

func (g *generator) lowerView(o operand) operand {
	o.lower = true
	return o
}

func (g *generator) upperHalf(v operand) operand {
	d := g.newReg(vec)
	g.emit(map[Target]string{AVX2: "VEXTRACTI128", AVX512: "VEXTRACTI64X4"}[g.target], imm(1), v, g.lowerView(d.op()))
	return d.op()
}

// floorDivide is the quotient rounded down, or its remainder; both are zero for a
// divisor of zero.
func (g *generator) floorDivide(x, y operand, mod bool) operand {
	q := g.quotients(x, y, 9)
	if !mod {
		return q
	}
	m := g.bin("VPSUBD", x, g.bin("VPMULLD", q, y))
	return g.blend(g.intCompare(loop.Eq, y, pattern(0)), pattern(0), m)
}

// mulHi is the high half of the product of unsigned numbers: even lanes, odd
// lanes, then both together.
func (g *generator) mulHi(x, y operand) operand {
	x, y = g.vecReg(x), g.vecReg(y)
	even := g.bin("VPMULUDQ", x, y)
	odd := g.bin("VPMULUDQ", g.unary("VPSRLQ", imm(32), x), g.unary("VPSRLQ", imm(32), y))
	high := g.unary("VPSRLQ", imm(32), even)
	if g.target == AVX2 {
		return g.unary("VPBLENDD", imm(0xaa), odd, high)
	}
	// The odd products keep their high half where they are.
	odds := g.once(valueKey{text: "odd lanes"}, dependence{}, func() operand {
		k, r := g.newReg(mask), g.newReg(gp)
		g.emit("MOVL", imm(0xaaaa), r.op())
		g.emit("KMOVW", r.op(), k.op())
		return k.op()
	})
	return g.unary("VPBLENDMD", odd, high, odds)
}

// predicates of VCMPPS and VPCMPD.
var (
	floatPredicate = map[loop.Op]int64{loop.Lt: 17, loop.Le: 18, loop.Eq: 0, loop.Ne: 4}
	intPredicate   = map[loop.Op]int64{loop.Lt: 1, loop.Le: 2, loop.Eq: 0, loop.Ne: 4}
)

func (g *generator) compare(e *loop.Expr) operand {
	x, y := g.eval(e.Args[0]), g.eval(e.Args[1])
	t := e.Args[0].Type
	if t == dim.Bool {
		if e.Op != loop.Eq && e.Op != loop.Ne {
			refuse("order of truth values")
		}
		m := g.maskLogic("XOR", x, y)
		if e.Op == loop.Eq {
			return g.maskNot(m)
		}
		return m
	}
	x = g.vecReg(x)
	if t == dim.Float32 || t == dim.BFloat16 {
		d := g.newReg(g.maskClass())
		g.emit("VCMPPS", imm(floatPredicate[e.Op]), y, x, d.op())
		return d.op()
	}
	if g.target == AVX512 {
		d := g.newReg(mask)
		g.emit(map[bool]string{true: "VPCMPUD", false: "VPCMPD"}[t == dim.Uint32], imm(intPredicate[e.Op]), y, x, d.op())
		return d.op()
	}
	if t == dim.Uint32 && e.Op != loop.Eq && e.Op != loop.Ne { // order of unsigned numbers by signed compares
		x, y = g.logic("XOR", x, pattern(signBit)), g.logic("XOR", g.vecReg(y), pattern(signBit))
	}
	y = g.vecReg(y)
	switch e.Op {
	case loop.Lt:
		return g.bin("VPCMPGTD", y, x)
	case loop.Le:
		return g.maskNot(g.bin("VPCMPGTD", x, y))
	case loop.Eq:
		return g.bin("VPCMPEQD", x, y)
	}
	return g.maskNot(g.bin("VPCMPEQD", x, y))
}

// maskClass is the kind of register that holds truth values.
func (g *generator) maskClass() class {
	if g.target == AVX512 {
		return mask
	}
	return vec
}

func (g *generator) boolConst(v bool) operand {
	if g.target == AVX2 {
		return g.vecReg(pattern(map[bool]uint32{true: 0xffffffff, false: 0}[v]))
	}
	d := g.newReg(mask)
	k0 := named("K0")
	g.emit(map[bool]string{true: "KXNORW", false: "KXORW"}[v], k0, k0, d.op())
	return d.op()
}

func (g *generator) maskLogic(op string, x, y operand) operand {
	d := g.newReg(g.maskClass())
	if g.target == AVX512 {
		g.emit("K"+op+"W", x, y, d.op())
	} else {
		g.emit("VP"+op, x, y, d.op())
	}
	return d.op()
}

func (g *generator) maskNot(x operand) operand {
	if g.target == AVX512 {
		d := g.newReg(mask)
		g.emit("KNOTW", x, d.op())
		return d.op()
	}
	return g.bin("VPXOR", x, pattern(0xffffffff))
}

func (g *generator) boolean(e *loop.Expr) operand {
	switch e.Op {
	case loop.Not:
		return g.maskNot(g.eval(e.Args[0]))
	case loop.And, loop.Or, loop.Xor:
		return g.maskLogic(map[loop.Op]string{loop.And: "AND", loop.Or: "OR", loop.Xor: "XOR"}[e.Op], g.eval(e.Args[0]), g.eval(e.Args[1]))
	}
	refuse(fmt.Sprintf("operation %d on truth values", e.Op))
	return operand{}
}

// choose is Select, and the machine's maximum or minimum where it is one.
func (g *generator) choose(e *loop.Expr) operand {
	if l, ok := chainOf(e); ok {
		return g.lookup(l)
	}
	c, x, y := e.Args[0], e.Args[1], e.Args[2]
	if e.Type == dim.Float32 && c.Op == loop.Lt {
		switch {
		case c.Args[0] == x && c.Args[1] == y:
			return g.bin("VMINPS", g.eval(x), g.eval(y))
		case c.Args[0] == y && c.Args[1] == x:
			return g.bin("VMAXPS", g.eval(x), g.eval(y))
		}
	}
	if z, word := tiny(c); g.target == AVX512 && z == y && z != nil && x.Op == loop.Const && x.Bits == 0 {
		large := g.newReg(mask)
		v := g.vecReg(g.eval(y))
		g.emit("VPTESTMD", pattern(word), v, large.op())
		return g.unary("VMOVAPS.Z", v, large.op())
	}
	if e.Type == dim.Bool {
		m := g.eval(c)
		return g.maskLogic("OR", g.maskLogic("AND", m, g.eval(x)), g.maskLogic("AND", g.maskNot(m), g.eval(y)))
	}
	return g.blend(g.eval(c), g.eval(x), g.eval(y))
}

// tiny tells |z| < c where that is a matter of the exponent's upper bits: it returns
// z and the bits of which a larger number, or a NaN, has one. Zero means another form.
func tiny(c *loop.Expr) (z *loop.Expr, word uint32) {
	if c.Op != loop.Lt || c.Args[0].Op != loop.Abs || c.Args[1].Op != loop.Const || c.Args[0].Type != dim.Float32 {
		return nil, 0
	}
	const exponent = 0xff << 23
	limit := uint32(c.Args[1].Bits)
	if limit == 0 || limit&^exponent != 0 || limit&(limit-1) != 0 {
		return nil, 0
	}
	return c.Args[0].Args[0], exponent &^ (limit - 1)
}

// blend is m ? x : y in each lane.
func (g *generator) blend(m, x, y operand) operand {
	zero := func(o operand) bool { return o.kind == constOperand && o.bits == 0 }
	if g.target == AVX512 {
		if zero(y) {
			return g.unary("VMOVAPS.Z", g.vecReg(x), m)
		}
		return g.unary("VBLENDMPS", x, g.vecReg(y), m)
	}
	switch {
	case zero(y):
		return g.bin("VANDPS", m, x)
	case zero(x):
		return g.bin("VANDNPS", m, y)
	}
	return g.unary("VBLENDVPS", m, x, g.vecReg(y))
}

func (g *generator) cast(e *loop.Expr) operand {
	from, x := e.Args[0].Type, g.eval(e.Args[0])
	if from == dim.Bool {
		one := uint32(1)
		if e.Type == dim.Float32 {
			one = 0x3f800000
		}
		return g.blend(x, pattern(one), pattern(0))
	}
	switch {
	case e.Type == from, e.Type == dim.Float32 && from == dim.BFloat16:
		return x
	case e.Type == dim.BFloat16 && from == dim.Float32:
		return g.toBFloat16(g.vecReg(x))
	case e.Type == dim.Bool:
		zero := &loop.Expr{Op: loop.Const, Type: from}
		return g.compare(&loop.Expr{Op: loop.Ne, Type: dim.Bool, Args: []*loop.Expr{e.Args[0], zero}})
	case e.Type == dim.Float32 && from == dim.Uint32:
		return g.uintToFloat(g.vecReg(x))
	case e.Type == dim.Float32 && from == dim.Int64 && readsInt64(e.Args[0]):
		refuse("an int64 element becomes a float")
	case e.Type == dim.Float32 && from.IsInt():
		return g.unary("VCVTDQ2PS", g.vecReg(x))
	case (e.Type == dim.Int32 || e.Type == dim.Int64) && from == dim.Float32:
		return g.floatToInt(x)
	case e.Type == dim.Uint8 && from == dim.Float32:
		return g.unary("VCVTTPS2DQ", g.bin("VMINPS", g.bin("VMAXPS", x, g.vecReg(pattern(0))), pattern(0x437f0000)))
	case (e.Type == dim.Int32 || e.Type == dim.Uint32) && from.IsInt(): // of int64 the low half
		return x
	case e.Type == dim.Int64 && from.IsInt() && from != dim.Uint32:
		return x
	}
	refuse("conversion from " + from.String() + " to " + e.Type.String())
	return operand{}
}

// readsInt64 reports whether an index is made from elements of 64 bits.
func readsInt64(e *loop.Expr) bool {
	found := false
	walk(e, map[*loop.Expr]bool{}, func(x *loop.Expr) { found = found || x.Op == loop.Load && x.Type == dim.Int64 })
	return found
}

// toBFloat16 rounds to the nearest bfloat16, to even; NaN becomes the quiet one.
func (g *generator) toBFloat16(x operand) operand {
	odd := g.logic("AND", g.unary("VPSRLD", imm(16), x), pattern(1))
	up := g.bin("VPADDD", g.bin("VPADDD", x, pattern(0x7fff)), odd)
	return g.blend(g.isNaN(x), pattern(0x7fc00000), g.logic("AND", up, pattern(0xffff0000)))
}

// floatToInt truncates; the machine's result for what does not fit is replaced.
func (g *generator) floatToInt(x operand) operand {
	x = g.vecReg(x)
	n := g.unary("VCVTTPS2DQ", x)
	big, nan := g.newReg(g.maskClass()), g.newReg(g.maskClass())
	g.emit("VCMPPS", imm(29), pattern(0x4f000000), x, big.op()) // x >= 2^31
	n = g.blend(big.op(), pattern(0x7fffffff), n)
	g.emit("VCMPPS", imm(3), x, x, nan.op())
	return g.blend(nan.op(), pattern(0), n)
}

// uintToFloat rounds once: both halves are exact, and so is the scaled upper one.
func (g *generator) uintToFloat(x operand) operand {
	if g.target == AVX512 {
		return g.unary("VCVTUDQ2PS", x)
	}
	high := g.unary("VCVTDQ2PS", g.unary("VPSRLD", imm(16), x))
	low := g.unary("VCVTDQ2PS", g.logic("AND", x, pattern(0xffff)))
	return g.bin("VADDPS", g.bin("VMULPS", high, pattern(0x47800000)), low)
}

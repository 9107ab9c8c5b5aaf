package simd

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// laneMask selects the lanes of vector v whose number is below count.
func (g *generator) laneMask(count operand, v int) operand {
	first := int64(v * g.target.lanes())
	steps := g.laneSteps(dim.Const(1))
	var bound operand
	if count.kind == immOperand {
		bound = pattern(uint32(int32(count.imm - first)))
	} else {
		r := g.newReg(gp)
		g.emit("LEAQ", at(count.reg, -first), r.op())
		bound = g.broadcastInteger(r.op())
	}
	d := g.newReg(g.maskClass())
	if g.target == AVX512 {
		g.emit("VPCMPD", imm(1), bound, steps, d.op())
		return d.op()
	}
	g.emit("VPCMPGTD", steps, g.vecReg(bound), d.op())
	return d.op()
}

// laneMasks of a count known when code is generated: none for whole vectors.
func (g *generator) constMasks(count int64, vectors int) []operand {
	masks := make([]operand, vectors)
	for v := range masks {
		if int64((v+1)*g.target.lanes()) > count {
			masks[v] = g.laneMask(imm(count), v)
			g.maskLanes[masks[v].reg] = count - int64(v*g.target.lanes())
		}
	}
	return masks
}

func (g *generator) runMasks(count operand, vectors int) []operand {
	masks := make([]operand, vectors)
	for v := range masks {
		masks[v] = g.laneMask(count, v)
	}
	return masks
}

// combination is a reducer's operation on vectors. Truth values are combined as
// integers 0 and 1, positions travel beside their values.
type combination struct {
	op  loop.Combiner
	typ dim.DType // of the values
}

func combinationOf(r *loop.Reducer) combination {
	switch t := r.Value.Type; t {
	case dim.Float32, dim.Int32, dim.Uint32, dim.Bool:
	default:
		refuse("a reduction of " + t.String())
	}
	return combination{r.Op, r.Value.Type}
}

func (c combination) positions() bool { return c.op == loop.ArgMaxOf || c.op == loop.ArgMinOf }

// extreme reports whether the operation picks one of its operands.
func (c combination) extreme() bool {
	return c.positions() || c.op == loop.MaxOf || c.op == loop.MinOf
}

func (c combination) float() bool { return c.typ == dim.Float32 }

// identity is the value that each lane starts from.
func (c combination) identity() uint32 {
	low, high := uint32(signBit), uint32(signBit-1)
	if c.typ == dim.Uint32 {
		low, high = 0, math.MaxUint32
	}
	if c.float() {
		low, high = math.Float32bits(float32(math.Inf(-1))), math.Float32bits(float32(math.Inf(1)))
	}
	switch c.op {
	case loop.Prod:
		if c.float() {
			return math.Float32bits(1)
		}
		return 1
	case loop.MaxOf, loop.ArgMaxOf:
		return low
	case loop.MinOf, loop.ArgMinOf:
		return high
	case loop.AllOf:
		return 1
	}
	return 0
}

// neutral leaves every result of a block as it is, also a negative zero: the
// total starts from it, which equals starting from the first block's result.
func (c combination) neutral() uint32 {
	if c.op == loop.Sum && c.float() {
		return signBit
	}
	return c.identity()
}

// pair is a partial result: a value and, for positions, where it stands.
type pair struct{ value, place operand }

// combine is a with b, b of higher lane or later index.
func (g *generator) combine(c combination, a, b pair) pair {
	if c.positions() {
		return g.combinePlaces(c, a, b)
	}
	x, y := a.value, b.value
	if c.float() {
		switch c.op {
		case loop.Sum:
			return pair{value: g.bin("VADDPS", x, y)}
		case loop.Prod:
			return pair{value: g.bin("VMULPS", x, y)}
		}
		op := "VMAXPS"
		if c.op == loop.MinOf {
			op = "VMINPS"
		}
		return pair{value: g.blend(g.isNaN(y), y, g.bin(op, y, x))}
	}
	op := map[loop.Combiner]string{loop.Sum: "VPADDD", loop.Prod: "VPMULLD", loop.MaxOf: "VPMAXSD", loop.MinOf: "VPMINSD"}[c.op]
	switch {
	case c.op == loop.AnyOf:
		return pair{value: g.logic("OR", x, y)}
	case c.op == loop.AllOf:
		return pair{value: g.logic("AND", x, y)}
	case c.typ == dim.Uint32 && c.op == loop.MaxOf:
		op = "VPMAXUD"
	case c.typ == dim.Uint32 && c.op == loop.MinOf:
		op = "VPMINUD"
	}
	return pair{value: g.bin(op, x, y)}
}

func (g *generator) isNaN(x operand) operand {
	d := g.newReg(g.maskClass())
	g.emit("VCMPPS", imm(3), x, x, d.op())
	return d.op()
}

// combinePlaces takes b when it is more extreme, or as extreme with a lower place.
func (g *generator) combinePlaces(c combination, a, b pair) pair {
	x, y := a.value, b.value
	if c.op == loop.ArgMinOf {
		x, y = y, x
	}
	var better, equal operand
	if c.float() {
		lt, eq := g.newReg(g.maskClass()), g.newReg(g.maskClass())
		g.emit("VCMPPS", imm(floatPredicate[loop.Lt]), y, x, lt.op())
		g.emit("VCMPPS", imm(0), y, x, eq.op())
		na, nb := g.isNaN(a.value), g.isNaN(b.value)
		better = g.maskLogic("OR", lt.op(), g.maskLogic("AND", nb, g.maskNot(na)))
		// An ordered a < NaN is false, and NaN is never equal.
		equal = g.maskLogic("OR", eq.op(), g.maskLogic("AND", na, nb))
	} else {
		better, equal = g.intCompare(loop.Lt, x, y), g.intCompare(loop.Eq, x, y)
	}
	lower := g.intCompare(loop.Lt, b.place, a.place)
	take := g.maskLogic("OR", better, g.maskLogic("AND", equal, lower))
	return pair{g.blend(take, b.value, a.value), g.blend(take, b.place, a.place)}
}

func (g *generator) intCompare(op loop.Op, x, y operand) operand {
	if g.target == AVX512 {
		d := g.newReg(mask)
		g.emit("VPCMPD", imm(intPredicate[op]), y, g.vecReg(x), d.op())
		return d.op()
	}
	if op == loop.Eq {
		return g.bin("VPCMPEQD", x, g.vecReg(y))
	}
	return g.bin("VPCMPGTD", y, g.vecReg(x))
}

// keep copies a pair into the registers of an accumulator, in the lanes of m if
// there is a mask.
func (g *generator) keep(to, from pair, m operand) {
	move := func(d, s operand) {
		if d.kind == 0 {
			return
		}
		switch {
		case m.kind == 0:
			g.emitFlow(plain, moveVector, s, d)
		case g.target == AVX512:
			g.emitFlow(update, "VMOVAPS", s, m, d)
		default:
			g.emit("VBLENDVPS", m, s, d, d)
		}
	}
	move(to.value, from.value)
	move(to.place, from.place)
}

// accumulator returns registers that start from a bit pattern.
func (g *generator) accumulator(c combination, start uint32) pair {
	var p pair
	r := g.newReg(vec)
	g.emit(moveVector, pattern(start), r.op())
	p.value = r.op()
	if c.positions() {
		q := g.newReg(vec)
		g.emit(moveVector, pattern(math.MaxInt32), q.op())
		p.place = q.op()
	}
	return p
}

// tree combines 32 lanes, held in one or more accumulators, by halving; the
// result stands in lane 0.
func (g *generator) tree(c combination, acc []pair) pair {
	for len(acc) > 1 {
		h := len(acc) / 2
		for i := range h {
			acc[i] = g.combine(c, acc[i], acc[i+h])
		}
		acc = acc[:h]
	}
	p := acc[0]
	for w := g.target.lanes() / 2; w > 0; w /= 2 {
		p = g.combine(c, p, pair{g.upperLanes(p.value, w), g.upperLanes(p.place, w)})
	}
	return p
}

// upperLanes moves lanes w to 2w-1 down to 0.
func (g *generator) upperLanes(x operand, w int) operand {
	if x.kind == 0 {
		return x
	}
	d := g.newReg(vec)
	switch w {
	case 8:
		g.emit("VEXTRACTF64X4", imm(1), x, d.low())
	case 4:
		if g.target == AVX512 {
			g.emit("VEXTRACTF32X4", imm(1), x, d.x())
		} else {
			g.emit("VEXTRACTF128", imm(1), x, d.x())
		}
	case 2:
		g.emit("VSHUFPS", imm(0xee), x, x, d.op())
	default:
		g.emit("VSHUFPS", imm(0x55), x, x, d.op())
	}
	return d.op()
}

// reduced evaluates a reducer's value and place at the present vector.
func (g *generator) reduced(r *loop.Reducer, index *loop.Expr) pair {
	c := combinationOf(r)
	v := g.eval(r.Value)
	if c.typ == dim.Bool {
		v = g.blend(v, pattern(1), pattern(0))
	}
	p := pair{value: g.vecReg(v)}
	if c.positions() && index != nil {
		p.place = g.vecReg(g.eval(index))
	}
	return p
}

// finish turns a combined pair into the result that later phases read.
func (g *generator) finish(r *loop.Reducer, p pair) operand {
	c := combinationOf(r)
	switch {
	case c.positions(): // of no elements the place is 0
		none := g.intCompare(loop.Eq, p.place, pattern(math.MaxInt32))
		return g.blend(none, pattern(0), p.place)
	case c.typ == dim.Bool:
		return g.nonZero(p.value)
	}
	return p.value
}

package simd

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// load reads an element for every lane. Lanes outside the vector's mask, or
// whose guard is false, touch no memory.
func (g *generator) load(e *loop.Expr) operand {
	var guard, other operand
	if e.Guard != nil {
		guard, other = g.eval(e.Guard), g.eval(e.Args[0])
	}
	p := g.split(g.position(e.Param, e.Index))
	uniform := p.lane.Is(0) && len(p.gather) == 0
	m := guard
	if !uniform {
		m = g.bothMasks(g.tail(p), guard)
	}
	t := e.Param.DType
	var v operand
	switch {
	case uniform:
		v = g.loadUniform(e.Param, p, m, e.Guard != nil && g.dependence(e.Guard).lane)
	case p.lane.Is(1) && len(p.gather) == 0:
		v = g.loadVector(t, g.address(e.Param, p, int64(t.Size())), m)
	case g.blocks[e] != nil:
		return g.blocks[e][g.r]
	default:
		var ok bool
		if guard.kind == 0 {
			v, ok = g.shuffled(e.Param, p)
		}
		if !ok {
			v = g.gather(e.Param, p, m)
		}
	}
	if t == dim.Bool {
		v = g.nonZero(v)
		if guard.kind != 0 {
			return g.maskLogic("OR", g.maskLogic("AND", guard, v), g.maskLogic("AND", g.maskNot(guard), other))
		}
		return v
	}
	// A masked load leaves zeros; the one byte that all lanes share does not.
	if guard.kind != 0 && (other.kind != constOperand || other.bits != 0 || uniform && t.Size() == 1) {
		v = g.blend(guard, v, other)
	}
	return v
}

// tail returns the mask of the present vector, if it has one.
func (g *generator) tail(p place) operand {
	if p.masks == nil {
		return operand{}
	}
	return p.masks[g.v]
}

func (g *generator) bothMasks(a, b operand) operand {
	switch {
	case a.kind == 0:
		return b
	case b.kind == 0:
		return a
	}
	return g.maskLogic("AND", a, b)
}

func (g *generator) nonZero(v operand) operand {
	if g.target == AVX512 {
		d := g.newReg(mask)
		g.emit("VPTESTMD", v, v, d.op())
		return d.op()
	}
	return g.maskNot(g.bin("VPCMPEQD", v, g.vecReg(pattern(0))))
}

// loadUniform reads one element into all lanes of the mask, which may vary from
// lane to lane.
func (g *generator) loadUniform(param *loop.Param, p place, m operand, varies bool) operand {
	t := param.DType
	from := g.address(param, p, int64(t.Size()))
	d := g.newReg(vec)
	switch {
	case t.Size() < 4:
		return g.loadUniformSmall(t, from, m)
	case t == dim.Int64 && m.kind == 0:
		return g.broadcastInteger(g.saturated(from))
	case t == dim.Int64:
		refuse("a guarded int64 is read into all lanes")
	case m.kind == 0:
		g.emit("VBROADCASTSS", from, d.op())
	case g.target == AVX512:
		g.emit("VBROADCASTSS.Z", from, m, d.op())
	case varies:
		return g.gatherFrom(from, g.vecReg(pattern(0)), m)
	default:
		g.loadIf(from, m, d)
	}
	return d.op()
}

// loadIf reads an element into all lanes where the mask, equal in all, is true,
// and leaves zeros where it is not: AVX2 has no broadcast under a mask.
func (g *generator) loadIf(from, m operand, d reg) {
	skip, bits := g.newLabel("skip"), g.newReg(gp)
	g.emit("VMOVMSKPS", m, bits.op())
	g.emit(moveVector, pattern(0), d.op())
	g.emitFlow(effect, "TESTL", bits.op(), bits.op())
	g.jump("JEQ", skip)
	g.emit("VBROADCASTSS", from, d.op())
	g.label(skip)
}

// smallLoad is the instruction that widens an element to 32 bits.
func smallLoad(t dim.DType) string {
	op, ok := map[dim.DType]string{dim.Uint8: "MOVBLZX", dim.Bool: "MOVBLZX", dim.Int8: "MOVBLSX", dim.BFloat16: "MOVWLZX"}[t]
	if !ok {
		refuse("elements of " + t.String())
	}
	return op
}

// loadUniformSmall reads an element of one or two bytes unless the mask, equal
// in all lanes, is false.
func (g *generator) loadUniformSmall(t dim.DType, from, m operand) operand {
	r := g.newReg(gp)
	op := smallLoad(t)
	if m.kind == 0 {
		g.emit(op, from, r.op())
		return g.widen(t, g.broadcastInteger(r.op()))
	}
	skip, bits := g.newLabel("skip"), g.newReg(gp)
	g.emit("MOVQ", imm(0), r.op())
	g.emit(map[Target]string{AVX512: "KMOVW", AVX2: "VMOVMSKPS"}[g.target], m, bits.op())
	g.emitFlow(effect, "TESTL", bits.op(), bits.op())
	g.jump("JEQ", skip)
	g.emit(op, from, r.op())
	g.label(skip)
	return g.widen(t, g.broadcastInteger(r.op()))
}

// widen moves the bits of a bfloat16 to where a float32 has them.
func (g *generator) widen(t dim.DType, v operand) operand {
	if t != dim.BFloat16 {
		return v
	}
	return g.unary("VPSLLD", imm(16), v)
}

// loadVector reads consecutive elements; those outside the mask become zero.
func (g *generator) loadVector(t dim.DType, from operand, m operand) operand {
	d := g.newReg(vec)
	switch {
	case t == dim.Int64:
		return g.loadInt64(from, m)
	case t.Size() == 1:
		op := "VPMOVZXBD"
		if t == dim.Int8 {
			op = "VPMOVSXBD"
		}
		switch {
		case m.kind == 0:
			g.emit(op, from, d.op())
		case g.target == AVX512:
			g.emit(op+".Z", from, m, d.op())
		default:
			g.emit("VMOVQ", g.loadBytes(from, m), d.x())
			e := g.newReg(vec)
			g.emit(op, d.x(), e.op())
			return e.op()
		}
	case t == dim.BFloat16 && m.kind == 0:
		g.emit("VPMOVZXWD", from, d.op())
		return g.widen(t, d.op())
	case t == dim.BFloat16 && g.target == AVX512:
		g.emit("VPMOVZXWD.Z", from, m, d.op())
		return g.widen(t, d.op())
	case t == dim.BFloat16:
		values := g.onStack(g.vecReg(pattern(0)), 1)
		g.maskedLane(m, func(lane int64) { g.widenLane(t, from, lane, values) })
		g.emit("VMOVUPS", operand{kind: memOperand, disp: values}, d.op())
		return g.widen(t, d.op())
	case t.Size() != 4:
		refuse("elements of " + t.String())
	case m.kind == 0:
		g.emit("VMOVUPS", from, d.op())
	case g.target == AVX512:
		g.emit("VMOVUPS.Z", from, m, d.op())
	default:
		g.emit("VMASKMOVPS", from, m, d.op())
	}
	return d.op()
}

// loadBytes gathers up to eight bytes, one for each lane of the mask, into a
// general register: AVX2 has no masked access to bytes.
func (g *generator) loadBytes(from, m operand) operand {
	all, one, bits := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", imm(0), all.op())
	g.emit("VMOVMSKPS", m, bits.op())
	for i := range int64(8) {
		skip := g.newLabel("byte")
		g.emitFlow(effect, "BTL", imm(i), bits.op())
		g.jump("JCC", skip)
		b := from
		b.disp += i
		g.emit("MOVBQZX", b, one.op())
		if i > 0 {
			g.emitFlow(update, "SHLQ", imm(8*i), one.op())
		}
		g.emitFlow(update, "ORQ", one.op(), all.op())
		g.label(skip)
	}
	return all.op()
}

// saturated reads an int64 into a register, bounded to 32 bits.
func (g *generator) saturated(from operand) operand {
	r, low, bound := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", from, r.op())
	g.emit("MOVQ", r.op(), bound.op())
	g.emitFlow(update, "SARQ", imm(63), bound.op())
	g.emitFlow(update, "XORQ", imm(0x7fffffff), bound.op())
	g.emit("MOVLQSX", r.op(), low.op())
	g.emitFlow(effect, "CMPQ", r.op(), low.op())
	g.emitFlow(update, "CMOVQNE", bound.op(), low.op())
	return low.op()
}

// loadInt64 reads int64 elements, bounded to 32 bits: a position beyond them is as
// much out of range as one at the bound.
func (g *generator) loadInt64(from, m operand) operand {
	next := from
	next.disp += int64(g.target.bytes())
	a, b := g.newReg(vec), g.newReg(vec)
	if g.target == AVX512 {
		if m.kind == 0 {
			g.emit("VMOVDQU64", from, a.op())
			g.emit("VMOVDQU64", next, b.op())
		} else {
			upper := g.newReg(mask)
			g.emit("KSHIFTRW", imm(8), m, upper.op())
			g.emit("VMOVDQU64.Z", from, m, a.op())
			g.emit("VMOVDQU64.Z", next, upper.op(), b.op())
		}
		x, y := g.newReg(vec), g.newReg(vec)
		g.emit("VPMOVSQD", a.op(), x.low())
		g.emit("VPMOVSQD", b.op(), y.low())
		return g.unary("VINSERTI64X4", imm(1), y.low(), x.op())
	}
	if m.kind == 0 {
		g.emit("VMOVDQU", from, a.op())
		g.emit("VMOVDQU", next, b.op())
	} else {
		lo, hi, up := g.newReg(vec), g.newReg(vec), g.newReg(vec)
		g.emit("VEXTRACTI128", imm(1), m, up.x())
		g.emit("VPMOVSXDQ", operand{kind: regOperand, reg: m.reg, half: true}, lo.op())
		g.emit("VPMOVSXDQ", up.x(), hi.op())
		g.emit("VPMASKMOVQ", from, lo.op(), a.op())
		g.emit("VPMASKMOVQ", next, hi.op(), b.op())
	}
	low, high := g.unary("VSHUFPS", imm(0x88), b.op(), a.op()), g.unary("VSHUFPS", imm(0xdd), b.op(), a.op())
	fits := g.bin("VPCMPEQD", high, g.unary("VPSRAD", imm(31), low))
	bound := g.bin("VPXOR", g.unary("VPSRAD", imm(31), high), pattern(0x7fffffff))
	return g.unary("VPERMQ", imm(0xd8), g.blend(fits, low, bound))
}

// gather reads elements at places that differ from lane to lane.
func (g *generator) gather(param *loop.Param, p place, m operand) operand {
	if param.DType.Size() != 4 {
		return g.gatherSmall(param, p, m)
	}
	index := g.gatherIndex(param, p)
	p.lane, p.gather = dim.Dim{}, nil
	return g.gatherFrom(g.address(param, p, 4), index, m)
}

// gatherIndex is the part of a place that differs from lane to lane.
func (g *generator) gatherIndex(param *loop.Param, p place) operand {
	if n, ok := loop.PhysicalSize(param.Shape, param.Layout).Int(); ok && n > math.MaxInt32 {
		refuse("a tensor of more than 2^31 elements is not read in rows")
	}
	var sum operand
	if !p.lane.Is(0) || len(p.gather) == 0 {
		sum = g.laneSum(place{lane: p.lane})
	}
	for _, t := range p.gather {
		n, ok := t.coef.Int()
		x := g.laneAtom(t.atom)
		switch {
		case !ok:
			x = g.bin("VPMULLD", x, g.broadcastInteger(g.inRegister(g.dimension(t.coef))))
		case n != 1:
			x = g.bin("VPMULLD", x, pattern(uint32(n)))
		}
		if sum.kind == 0 {
			sum = x
			continue
		}
		sum = g.bin("VPADDD", sum, x)
	}
	return g.vecReg(sum)
}

func (g *generator) gatherFrom(from, index, m operand) operand {
	from.name = ""
	from = g.plainAddress(from)
	from.index, from.scale = index.reg, 4
	d := g.newReg(vec)
	k := g.newReg(g.maskClass())
	g.emit(moveVector, pattern(0), d.op()) // the machine merges, so the register must be defined
	switch {
	case g.target == AVX512 && m.kind == 0:
		g.emit("KXNORW", named("K0"), named("K0"), k.op())
	case g.target == AVX512:
		g.emit("KMOVW", m, k.op())
	case m.kind == 0:
		g.emit("VPCMPEQD", d.op(), d.op(), k.op())
	default:
		g.emit("VMOVUPS", m, k.op())
	}
	if g.target == AVX512 {
		g.emitFlow(update, "VGATHERDPS", from, k.op(), d.op())
	} else {
		g.emitFlow(update, "VGATHERDPS", k.op(), from, d.op())
	}
	return d.op()
}

// pendingStore is a store whose value is computed.
type pendingStore struct {
	store     *loop.Store
	value, If operand
	place     place
}

// evalStore computes value, condition and place of a store.
func (g *generator) evalStore(s *loop.Store) pendingStore {
	ps := pendingStore{store: s, value: g.eval(s.Value), place: g.split(g.position(s.Param, s.Index))}
	if s.If != nil {
		ps.If = g.eval(s.If)
	}
	return ps
}

// putStore writes a computed store's lanes.
func (g *generator) putStore(ps pendingStore) {
	p, param := ps.place, ps.store.Param
	t := param.DType
	v := ps.value
	if t == dim.Bool {
		v = g.blend(v, pattern(1), pattern(0))
	}
	v = g.vecReg(v)
	if t == dim.BFloat16 {
		v = g.unary("VPSRLD", imm(16), v)
	}
	uniform := p.lane.Is(0) && len(p.gather) == 0
	m := ps.If
	if !uniform {
		m = g.bothMasks(g.tail(p), ps.If)
	}
	switch {
	case uniform:
		g.storeUniform(v, param, p, m)
	case p.lane.Is(1) && len(p.gather) == 0:
		g.storeVector(t, v, g.address(param, p, int64(t.Size())), m)
	default:
		g.scatter(v, param, p, m)
	}
}

// storeUniform writes lane 0.
func (g *generator) storeUniform(v operand, param *loop.Param, p place, m operand) {
	t := param.DType
	to := g.address(param, p, int64(t.Size()))
	end := ""
	if m.kind != 0 {
		end = g.newLabel("skip")
		bits := g.newReg(gp)
		if g.target == AVX512 {
			g.emit("KMOVW", m, bits.op())
		} else {
			g.emit("VMOVMSKPS", m, bits.op())
		}
		g.emitFlow(effect, "BTL", imm(0), bits.op())
		g.jump("JCC", end)
	}
	switch t.Size() {
	case 4:
		g.emitFlow(effect, "VMOVSS", v.reg.x(), to)
	case 1, 2:
		r := g.newReg(gp)
		g.emit("VMOVD", v.reg.x(), r.op())
		g.emitFlow(effect, map[int]string{1: "MOVB", 2: "MOVW"}[t.Size()], r.op(), to)
	case 8:
		r := g.newReg(gp)
		g.emit("VMOVD", v.reg.x(), r.op())
		g.emit("MOVLQSX", r.op(), r.op())
		g.emitFlow(effect, "MOVQ", r.op(), to)
	default:
		refuse("elements of " + t.String())
	}
	if end != "" {
		g.label(end)
	}
}

func (g *generator) storeVector(t dim.DType, v, to, m operand) {
	masked := func(op string) {
		if m.kind == 0 {
			g.emitFlow(effect, op, v, to)
		} else {
			g.emitFlow(effect, op, v, m, to)
		}
	}
	switch {
	case t.Size() == 4 && (g.target == AVX512 || m.kind == 0):
		masked("VMOVUPS")
	case t.Size() == 4:
		masked("VMASKMOVPS")
	case t.Size() == 1 && g.target == AVX512:
		masked("VPMOVDB")
	case t.Size() == 1:
		g.storeBytes(v, to, m)
	case t.Size() == 2 && g.target == AVX512:
		masked("VPMOVDW")
	case t.Size() == 2:
		g.storeWords(v, to, m)
	default:
		refuse("vectors of " + t.String() + " are written")
	}
}

// storeBytes writes the low bytes of eight lanes.
func (g *generator) storeBytes(v, to, m operand) {
	up := g.newReg(vec)
	g.emit("VEXTRACTI128", imm(1), v, up.x())
	words, bytes := g.newReg(vec), g.newReg(vec)
	g.emit("VPACKUSDW", up.x(), v.reg.x(), words.x())
	g.emit("VPACKUSWB", words.x(), words.x(), bytes.x())
	if m.kind == 0 {
		g.emitFlow(effect, "VMOVQ", bytes.x(), to)
		return
	}
	all, bits := g.newReg(gp), g.newReg(gp)
	g.emit("VMOVQ", bytes.x(), all.op())
	g.emit("VMOVMSKPS", m, bits.op())
	for i := range int64(8) {
		skip := g.newLabel("byte")
		g.emitFlow(effect, "BTL", imm(i), bits.op())
		g.jump("JCC", skip)
		b := to
		b.disp += i
		g.emitFlow(effect, "MOVB", all.op(), b)
		g.label(skip)
		if i < 7 {
			g.emitFlow(update, "SHRQ", imm(8), all.op())
		}
	}
}

// storeWords writes the low words of eight lanes.
func (g *generator) storeWords(v, to, m operand) {
	if m.kind == 0 {
		words, up := g.newReg(vec), g.newReg(vec)
		g.emit("VEXTRACTI128", imm(1), v, up.x())
		g.emit("VPACKUSDW", up.x(), v.reg.x(), words.x())
		g.emitFlow(effect, "VMOVDQU", words.x(), to)
		return
	}
	values := g.onStack(v, 1)
	g.maskedLane(m, func(lane int64) {
		r := g.newReg(gp)
		g.emit("MOVL", operand{kind: memOperand, disp: values + 4*lane}, r.op())
		o := to
		o.disp += 2 * lane
		g.emitFlow(effect, "MOVW", r.op(), o)
	})
}

// widenLane reads one element behind from into a lane of the frame.
func (g *generator) widenLane(t dim.DType, from operand, lane, values int64) {
	r := g.newReg(gp)
	from.disp += lane * int64(t.Size())
	g.emit(smallLoad(t), from, r.op())
	g.emitFlow(effect, "MOVL", r.op(), operand{kind: memOperand, disp: values + 4*lane})
}

// maskedLane runs f for the lanes of the mask.
func (g *generator) maskedLane(m operand, f func(lane int64)) {
	bits := g.newReg(gp)
	if m.kind != 0 {
		g.emit(map[Target]string{AVX512: "KMOVW", AVX2: "VMOVMSKPS"}[g.target], m, bits.op())
	}
	for i := range int64(g.target.lanes()) {
		skip := g.newLabel("lane")
		if m.kind != 0 {
			g.emitFlow(effect, "BTL", imm(i), bits.op())
			g.jump("JCC", skip)
		}
		f(i)
		if m.kind != 0 {
			g.label(skip)
		}
	}
}

// scatter writes elements to places that differ from lane to lane.
func (g *generator) scatter(v operand, param *loop.Param, p place, m operand) {
	size := int64(param.DType.Size())
	index := g.gatherIndex(param, p)
	p.lane, p.gather = dim.Dim{}, nil
	to := g.plainAddress(g.address(param, p, size))
	if g.target == AVX512 && size == 4 {
		to.index, to.scale = index.reg, 4
		k := g.newReg(mask)
		if m.kind == 0 {
			g.emit("KXNORW", named("K0"), named("K0"), k.op())
		} else {
			g.emit("KMOVW", m, k.op())
		}
		g.emitFlow(effect, "VSCATTERDPS", v, k.op(), to)
		return
	}
	values := g.onStack(v, 1)
	store, ok := map[int64]string{1: "MOVB", 2: "MOVW", 4: "MOVL"}[size]
	if !ok {
		refuse("elements of " + param.DType.String() + " are written to places that are not consecutive")
	}
	g.eachLane(index, m, func(lane int64, at reg) {
		r := g.newReg(gp)
		g.emit("MOVL", operand{kind: memOperand, disp: values + 4*lane}, r.op())
		o := to
		o.index, o.scale = at, uint8(size)
		g.emitFlow(effect, store, r.op(), o)
	})
}

// plainAddress frees the index register of an address for the lanes.
func (g *generator) plainAddress(o operand) operand {
	if o.index == 0 {
		return o
	}
	r := g.newReg(gp)
	g.emit("LEAQ", o, r.op())
	return at(r, 0)
}

// onStack writes a vector to one of two places in the frame and returns where.
func (g *generator) onStack(v operand, place int64) int64 {
	at := place * int64(g.target.bytes())
	g.scratch = max(g.scratch, 2*g.target.bytes())
	g.emitFlow(effect, "VMOVUPS", v, operand{kind: memOperand, disp: at})
	return at
}

// eachLane runs f for the lanes of the mask, each with its index in a register,
// for elements that the machine cannot gather or scatter.
func (g *generator) eachLane(index, m operand, f func(lane int64, at reg)) {
	indices := g.onStack(index, 0)
	g.maskedLane(m, func(lane int64) {
		r := g.newReg(gp)
		g.emit("MOVLQSX", operand{kind: memOperand, disp: indices + 4*lane}, r.op())
		f(lane, r)
	})
}

// gatherSmall reads elements of one or two bytes lane by lane.
func (g *generator) gatherSmall(param *loop.Param, p place, m operand) operand {
	load := smallLoad(param.DType)
	size := int64(param.DType.Size())
	index := g.gatherIndex(param, p)
	p.lane, p.gather = dim.Dim{}, nil
	from := g.plainAddress(g.address(param, p, size))
	values := g.onStack(g.vecReg(pattern(0)), 1)
	g.eachLane(index, m, func(lane int64, at reg) {
		r := g.newReg(gp)
		o := from
		o.index, o.scale = at, uint8(size)
		g.emit(load, o, r.op())
		g.emitFlow(effect, "MOVL", r.op(), operand{kind: memOperand, disp: values + 4*lane})
	})
	d := g.newReg(vec)
	g.emit("VMOVUPS", operand{kind: memOperand, disp: values}, d.op())
	return g.widen(param.DType, d.op())
}

package simd

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// blocked runs step over the points of a phase's axes in blocks, each from zero,
// and combines the blocks in order. It returns the totals.
func (g *generator) blocked(ph *loop.Phase, size int64, rows, vectors int, zero func(), step func(*loop.Phase),
	acc map[[2]int]operand, combine func(t, x operand) operand, neutral uint32) map[[2]int]operand {
	total := dim.Const(1)
	for _, a := range ph.Axes {
		total = total.Mul(a.Extent)
	}
	if n, ok := total.Int(); ok && n <= size {
		zero()
		g.chain(ph, ph.Axes, step)
		return acc
	}
	slot := map[[2]int]operand{}
	base := int64(0)
	g.points(rows, vectors, func() {
		slot[[2]int{g.r, g.v}] = operand{kind: memOperand, disp: base}
		base += int64(g.target.bytes())
	})
	g.scratch = max(g.scratch, int(base))
	start := g.newReg(vec)
	g.emit(moveVector, pattern(neutral), start.op())
	g.points(rows, vectors, func() { g.emitFlow(effect, "VMOVUPS", start.op(), slot[[2]int{g.r, g.v}]) })
	flush := func() {
		g.points(rows, vectors, func() {
			at := [2]int{g.r, g.v}
			t := g.newReg(vec)
			g.emit("VMOVUPS", slot[at], t.op())
			g.emitFlow(effect, "VMOVUPS", combine(t.op(), acc[at]), slot[at])
		})
	}
	if len(ph.Axes) == 1 {
		g.oneAxisBlocks(ph, size, total, zero, step, flush)
	} else {
		g.manyAxesBlocks(ph, size, zero, step, flush)
	}
	out := map[[2]int]operand{}
	g.points(rows, vectors, func() {
		t := g.newReg(vec)
		g.emit("VMOVUPS", slot[[2]int{g.r, g.v}], t.op())
		out[[2]int{g.r, g.v}] = t.op()
	})
	return out
}

// oneAxisBlocks cuts a single axis: position = block*size + inner.
func (g *generator) oneAxisBlocks(ph *loop.Phase, size int64, total dim.Dim, zero func(), step func(*loop.Phase), flush func()) {
	axis := ph.Axes[0]
	inside := &loop.Axis{Name: axis.Name, Extent: dim.Const(size)}
	around := &loop.Axis{Name: axis.Name + "Block", Extent: total.CeilDiv(dim.Const(size))}
	sum := g.blockPosition(around, inside, size)
	g.rw.replace(axis, sum)
	inner := g.rw.phase(ph, []*loop.Axis{inside})
	blocks := g.newReg(gp)
	g.emit("MOVQ", g.dimension(around.Extent), blocks.op())
	if n, ok := around.Extent.Int(); !ok || n == 0 { // no elements are one empty block
		one := g.newReg(gp)
		g.emit("MOVQ", imm(1), one.op())
		g.emitFlow(effect, "CMPQ", blocks.op(), one.op())
		g.emitFlow(update, "CMOVQLT", one.op(), blocks.op())
	}
	g.repeat(around, binding{}, blocks.op(), 1, func() {
		left, bound := g.newReg(gp), g.newReg(gp)
		g.emit("MOVQ", g.axisValue(g.binding(around), 0), left.op())
		g.scale(left, -size)
		g.emitFlow(update, "ADDQ", g.inRegister(g.dimension(total)), left.op())
		g.emit("MOVQ", imm(size), bound.op())
		g.emitFlow(effect, "CMPQ", left.op(), bound.op())
		g.emitFlow(update, "CMOVQGT", bound.op(), left.op())
		zero()
		g.unrolled(inner, inside, binding{}, left.op(), step)
		flush()
	})
	g.rw.release(axis)
}

// blockPosition is around*size + inside.
func (g *generator) blockPosition(around, inside *loop.Axis, size int64) *loop.Expr {
	mk := func(op loop.Op, args ...*loop.Expr) *loop.Expr {
		return g.rw.intern(&loop.Expr{Op: op, Type: dim.Int64, Args: args})
	}
	a := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: around})
	i := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: inside})
	n := g.rw.intern(&loop.Expr{Op: loop.Const, Type: dim.Int64, Bits: uint64(size)})
	return mk(loop.Add, mk(loop.Mul, a, n), i)
}

// manyAxesBlocks counts down what is left of a block across the axes.
func (g *generator) manyAxesBlocks(ph *loop.Phase, size int64, zero func(), step func(*loop.Phase), flush func()) {
	room := g.newReg(gp)
	g.emit("MOVQ", imm(size), room.op())
	zero()
	last := ph.Axes[len(ph.Axes)-1]
	g.nest(ph.Axes[:len(ph.Axes)-1], func() {
		from, left, n := g.newReg(gp), g.newReg(gp), g.newReg(gp)
		g.emit("MOVQ", imm(0), from.op())
		g.emit("MOVQ", g.dimension(last.Extent), left.op())
		again, full, end := g.newLabel("piece"), g.newLabel("room"), g.newLabel("end")
		g.label(again)
		g.emitFlow(effect, "TESTQ", left.op(), left.op())
		g.jump("JLE", end)
		g.region(nil, func() {
			g.emit("MOVQ", left.op(), n.op())
			g.emitFlow(effect, "CMPQ", n.op(), room.op())
			g.emitFlow(update, "CMOVQGT", room.op(), n.op())
			g.emitFlow(update, "SUBQ", n.op(), left.op())
			g.emitFlow(update, "SUBQ", n.op(), room.op())
			g.unrolled(ph, last, binding{reg: from}, n.op(), step)
			g.emitFlow(update, "ADDQ", n.op(), from.op())
			g.emitFlow(effect, "TESTQ", room.op(), room.op())
			g.jump("JNE", full)
			flush()
			zero()
			g.emit("MOVQ", imm(size), room.op())
			g.label(full)
		})
		g.jump("JMP", again)
		g.label(end)
	})
	flush() // the last block; an empty one adds nothing
}

// chain runs step over all points of axes, the innermost unrolled.
func (g *generator) chain(ph *loop.Phase, axes []*loop.Axis, step func(*loop.Phase)) {
	switch len(axes) {
	case 0:
		step(ph)
	case 1:
		g.unrolled(ph, axes[0], binding{}, g.dimension(axes[0].Extent), step)
	default:
		if n, ok := axes[0].Extent.Int(); ok && n <= 3 && exprCount(ph) > 20 { // positions of windows become constants
			for i := range n {
				g.block(map[*loop.Axis]binding{axes[0]: {off: i}}, func() { g.chain(ph, axes[1:], step) })
			}
			return
		}
		g.repeat(axes[0], binding{}, g.dimension(axes[0].Extent), 1, func() { g.chain(ph, axes[1:], step) })
	}
}

// unrolled runs step count times along an axis, four at a time where all
// accesses have known strides.
func (g *generator) unrolled(ph *loop.Phase, axis *loop.Axis, from binding, count operand, step func(*loop.Phase)) {
	unroll := int64(4)
	accesses(ph, func(p *loop.Param, index []*loop.Expr, _ bool) {
		l := g.position(p, index)
		if _, ok := l.coef(axis).Int(); !ok {
			unroll = 1
		}
		for _, t := range l.terms {
			if t.atom != nil && mentions(t.atom, axis) {
				unroll = 1
			}
		}
	})
	one := func() { step(ph) }
	if unroll == 1 {
		g.repeat(axis, from, count, 1, one)
		return
	}
	several := func() {
		b := g.binding(axis)
		for u := range unroll {
			at := b
			at.off += u
			g.block(map[*loop.Axis]binding{axis: at}, one)
		}
	}
	if count.kind == immOperand {
		whole := count.imm / unroll
		g.repeat(axis, from, imm(whole), unroll, several)
		for u := whole * unroll; u < count.imm; u++ {
			at := from
			at.off += u
			g.block(map[*loop.Axis]binding{axis: at}, one)
		}
		return
	}
	whole, rest, begin := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", count, whole.op())
	g.emitFlow(update, "SHRQ", imm(2), whole.op())
	g.repeat(axis, from, whole.op(), unroll, several)
	g.emit("MOVQ", count, rest.op())
	g.emitFlow(update, "ANDQ", imm(unroll-1), rest.op())
	g.emit("MOVQ", count, begin.op())
	g.emitFlow(update, "SUBQ", rest.op(), begin.op())
	if from.reg != 0 {
		g.emitFlow(update, "ADDQ", from.reg.op(), begin.op())
	}
	g.repeat(axis, binding{reg: begin, off: from.off}, rest.op(), 1, one)
}

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
	if n, ok := total.Int(); ok && n <= size || ph.Init != nil {
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
	clear := func() {
		start := g.newReg(vec)
		g.emit(moveVector, pattern(neutral), start.op())
		g.points(rows, vectors, func() { g.emitFlow(effect, "VMOVUPS", start.op(), slot[[2]int{g.r, g.v}]) })
	}
	flush := func() {
		g.points(rows, vectors, func() {
			at := [2]int{g.r, g.v}
			t := g.newReg(vec)
			g.emit("VMOVUPS", slot[at], t.op())
			g.emitFlow(effect, "VMOVUPS", combine(t.op(), acc[at]), slot[at])
		})
	}
	done := ""
	if len(ph.Axes) == 1 {
		done = g.oneAxisBlocks(ph, size, total, clear, zero, step, flush)
	} else {
		clear()
		g.manyAxesBlocks(ph, size, zero, step, flush)
	}
	g.points(rows, vectors, func() { g.emit("VMOVUPS", slot[[2]int{g.r, g.v}], acc[[2]int{g.r, g.v}]) })
	if done != "" {
		g.label(done)
	}
	return acc
}

// oneAxisBlocks cuts a single axis: position = block*size + inner. A single block
// is the total and stays in the accumulators: the code then jumps to the label
// that is returned, past what loads the sums of several.
func (g *generator) oneAxisBlocks(ph *loop.Phase, size int64, total dim.Dim, clear, zero func(), step func(*loop.Phase), flush func()) string {
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
	_, several := around.Extent.Int() // one known block needs no slots at all
	done, start := "", ""
	if !several {
		done, start = g.newLabel("total"), g.newLabel("blocks")
		g.emitFlow(effect, "CMPQ", blocks.op(), imm(1))
		g.jump("JEQ", start)
	}
	clear()
	if !several {
		g.label(start)
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
		if !several {
			g.emitFlow(effect, "CMPQ", blocks.op(), imm(1))
			g.jump("JEQ", done)
		}
		flush()
		g.mayPause(size)
	})
	g.rw.release(axis)
	return done
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
	endBlock := func(full string) {
		g.jump("JNE", full)
		flush()
		zero()
		g.emit("MOVQ", imm(size), room.op())
		g.mayPause(size)
		g.label(full)
	}
	if whole, n := wholePieces(ph.Axes, size); whole > 0 {
		g.window(ph, ph.Axes, whole, func(axes []*loop.Axis) {
			g.chain(ph, axes, step)
			full := g.newLabel("room")
			g.emitFlow(update, "SUBQ", imm(n), room.op())
			g.region(nil, func() { endBlock(full) })
		})
		flush()
		return
	}
	g.window(ph, ph.Axes, 1, func(axes []*loop.Axis) {
		last := axes[0]
		whole, ok := last.Extent.Int()
		if !ok || whole <= 0 || whole > size {
			g.pieces(ph, last, room, step, endBlock)
			return
		}
		// Most rows lie in one block.
		cut, next, full := g.newLabel("cut"), g.newLabel("next"), g.newLabel("room")
		g.emitFlow(effect, "CMPQ", room.op(), imm(whole))
		g.jump("JLT", cut)
		g.region(nil, func() {
			g.unrolled(ph, last, binding{}, imm(whole), step)
			g.emitFlow(update, "SUBQ", imm(whole), room.op())
			endBlock(full)
		})
		g.jump("JMP", next)
		g.label(cut)
		g.region(nil, func() { g.pieces(ph, last, room, step, endBlock) })
		g.label(next)
	})
	flush() // the last block; an empty one adds nothing
}

// pieces runs along one axis in pieces, each as long as the block has room for.
func (g *generator) pieces(ph *loop.Phase, axis *loop.Axis, room reg, step func(*loop.Phase), endBlock func(full string)) {
	from, left, n := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", imm(0), from.op())
	g.emit("MOVQ", g.dimension(axis.Extent), left.op())
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
		g.unrolled(ph, axis, binding{reg: from}, n.op(), step)
		g.emitFlow(update, "ADDQ", n.op(), from.op())
		g.emitFlow(effect, "TESTQ", room.op(), room.op())
		endBlock(full)
	})
	g.jump("JMP", again)
	g.label(end)
}

// wholePieces returns how many of the last axes together make a piece that never
// crosses the end of a block, and the piece's size.
func wholePieces(axes []*loop.Axis, size int64) (count int, n int64) {
	n = 1
	for i := len(axes) - 1; i > 0; i-- {
		e, ok := axes[i].Extent.Int()
		if !ok || e <= 0 || size%(n*e) != 0 {
			break
		}
		count, n = count+1, n*e
	}
	return count, n
}

// chain runs step over all points of axes, the innermost unrolled.
func (g *generator) chain(ph *loop.Phase, axes []*loop.Axis, step func(*loop.Phase)) {
	g.window(ph, axes, 1, func(axes []*loop.Axis) {
		if len(axes) == 0 {
			step(ph)
			return
		}
		g.unrolled(ph, axes[0], binding{}, g.dimension(axes[0].Extent), step)
	})
}

// unrollBy is how many steps along an axis get code of their own: several where all
// accesses have known strides.
func (g *generator) unrollBy(ph *loop.Phase, axis *loop.Axis) int64 {
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
	return unroll
}

// unrolled runs step count times along an axis, four at a time where all
// accesses have known strides.
func (g *generator) unrolled(ph *loop.Phase, axis *loop.Axis, from binding, count operand, step func(*loop.Phase)) {
	unroll := g.unrollBy(ph, axis)
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
		g.knownSteps(ph, axis, from, count.imm, unroll, several, one)
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

// knownSteps is unrolled for a known count: steps at the ends that a guard tells
// from those between them stand alone.
func (g *generator) knownSteps(ph *loop.Phase, axis *loop.Axis, from binding, count, unroll int64, several, one func()) {
	first, end := int64(0), count
	if from.reg == 0 {
		first, end = g.inRange(ph, axis, count)
	}
	single := func(low, high int64) {
		for u := low; u < high; u++ {
			at := from
			at.off += u
			g.block(map[*loop.Axis]binding{axis: at}, one)
		}
	}
	single(0, first)
	middle := from
	if middle.off += first; from.reg == 0 {
		middle.within = &span{middle.off, from.off + end - 1}
	}
	whole := (end - first) / unroll
	g.repeat(axis, middle, imm(whole), unroll, several)
	single(first+whole*unroll, count)
}

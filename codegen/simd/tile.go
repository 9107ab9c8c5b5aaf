package simd

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

const (
	contractBlock = 1024 // of loop.Contract
	serialBlock   = 256  // of loop.Serial
	laneChunk     = 1024 // of loop.Lanes
	laneCount     = 32
)

// tiling is how the points of a kernel are cut into tiles: rows points of axis
// row by vectors along axis lane, one tile after another.
type tiling struct {
	lane, row     *loop.Axis // row is nil for one row a tile
	outer         []*loop.Axis
	rows, vectors int
}

func (t *tiling) width(g *generator) int64 { return int64(t.vectors * g.target.lanes()) }

// items is the number of tiles.
func (t *tiling) items(g *generator) dim.Dim {
	n := t.lane.Extent.CeilDiv(dim.Const(t.width(g)))
	if t.row != nil {
		n = n.Mul(t.row.Extent.CeilDiv(dim.Const(int64(t.rows))))
	}
	for _, a := range t.outer {
		n = n.Mul(a.Extent)
	}
	return n
}

// tiles emits the loop over a call's items with a tile in each.
func (g *generator) tiles(t *tiling, phases []*loop.Phase) {
	g.items(func(item reg) {
		counts := []dim.Dim{}
		if t.row != nil {
			counts = append(counts, t.row.Extent.CeilDiv(dim.Const(int64(t.rows))))
		} else {
			counts = append(counts, dim.Const(1))
		}
		counts = append(counts, t.lane.Extent.CeilDiv(dim.Const(t.width(g))))
		for i := len(t.outer) - 1; i >= 0; i-- {
			counts = append(counts, t.outer[i].Extent)
		}
		at := g.unravel(item, counts)
		bind := map[*loop.Axis]binding{}
		for i, a := range t.outer {
			bind[a] = binding{reg: at[len(at)-1-i]}
		}
		rowBase, laneBase := at[0], at[1]
		g.scaleIf(rowBase, int64(t.rows))
		g.scaleIf(laneBase, t.width(g))
		g.block(bind, func() { g.laneVariants(t, rowBase, laneBase, phases) })
	})
}

func (g *generator) scaleIf(r reg, n int64) {
	if r != 0 {
		g.scale(r, n)
	}
}

// unravel splits an index into coordinates, the fastest first; a coordinate of
// a count of one is no register.
func (g *generator) unravel(index reg, counts []dim.Dim) []reg {
	out := make([]reg, len(counts))
	last := -1
	for i, c := range counts {
		if !c.Is(1) {
			last = i
		}
	}
	rest := g.newReg(gp)
	g.emit("MOVQ", index.op(), rest.op())
	for i, c := range counts {
		switch {
		case c.Is(1):
		case i == last:
			out[i] = g.newReg(gp)
			g.emit("MOVQ", rest.op(), out[i].op())
		default:
			out[i] = g.newReg(gp)
			q := g.newReg(gp)
			g.emitFlow(divide, "DIV", rest.op(), g.inRegister(g.dimension(c)), q.op(), out[i].op())
			rest = q
		}
	}
	return out
}

// laneVariants emits the tile for whole vectors and, where the lane axis may end
// inside a tile, for what is left.
func (g *generator) laneVariants(t *tiling, rowBase, laneBase reg, phases []*loop.Phase) {
	width := t.width(g)
	n, known := t.lane.Extent.Int()
	whole := func() {
		g.rowVariants(t, rowBase, binding{reg: laneBase, lane: true}, t.vectors, phases)
	}
	rest := func() {
		if known {
			left := n % width
			vectors := int((left + int64(g.target.lanes()) - 1) / int64(g.target.lanes()))
			g.rowVariants(t, rowBase, binding{reg: laneBase, lane: true, masks: g.constMasks(left, vectors)}, vectors, phases)
			return
		}
		left := g.newReg(gp)
		g.emit("MOVQ", g.dimension(t.lane.Extent), left.op())
		if laneBase != 0 {
			g.emitFlow(update, "SUBQ", laneBase.op(), left.op())
		}
		g.rowVariants(t, rowBase, binding{reg: laneBase, lane: true, masks: g.runMasks(left.op(), t.vectors)}, t.vectors, phases)
	}
	switch {
	case known && n%width == 0:
		whole()
	case known && n < width:
		rest()
	default:
		tail, done := g.newLabel("tail"), g.newLabel("done")
		end := g.newReg(gp)
		g.emit("MOVQ", imm(width), end.op())
		if laneBase != 0 {
			g.emitFlow(update, "ADDQ", laneBase.op(), end.op())
		}
		g.emitFlow(effect, "CMPQ", end.op(), g.dimension(t.lane.Extent))
		g.jump("JGT", tail)
		g.region(nil, whole)
		g.jump("JMP", done)
		g.label(tail)
		g.region(nil, rest)
		g.label(done)
	}
}

// rowSizes lists the heights of tiles that cover what is left of the row axis.
func rowSizes(rows int) []int {
	sizes := []int{rows}
	for s := 4; s > 0; s /= 2 {
		if s < rows {
			sizes = append(sizes, s)
		}
	}
	return sizes
}

// rowVariants emits the tile for all its rows and for fewer at the axis's end.
func (g *generator) rowVariants(t *tiling, rowBase reg, lane binding, vectors int, phases []*loop.Phase) {
	tile := func(rows int) {
		bind := map[*loop.Axis]binding{t.lane: lane}
		if t.row != nil {
			bind[t.row] = binding{reg: rowBase, row: true}
		}
		g.region(bind, func() { g.tile(t.row, rows, vectors, phases) })
	}
	if t.row == nil {
		tile(1)
		return
	}
	m, known := t.row.Extent.Int()
	switch {
	case known && m%int64(t.rows) == 0:
		tile(t.rows)
		return
	case known && m < int64(t.rows):
		tile(int(m))
		return
	case known:
		short, done := g.newLabel("short"), g.newLabel("done")
		g.emitFlow(effect, "CMPQ", rowBase.op(), imm(m-m%int64(t.rows)))
		g.jump("JGE", short)
		tile(t.rows)
		g.jump("JMP", done)
		g.label(short)
		tile(int(m % int64(t.rows)))
		g.label(done)
		return
	}
	left := g.newReg(gp)
	if rowBase == 0 {
		refuse("a row axis of unknown extent in one tile")
	}
	g.emit("MOVQ", g.dimension(t.row.Extent), left.op())
	g.emitFlow(update, "SUBQ", rowBase.op(), left.op())
	done := g.newLabel("done")
	// A tile of full height is the last of its item.
	for i, rows := range rowSizes(t.rows) {
		again, next := g.newLabel("rows"), g.newLabel("fewer")
		g.label(again)
		g.emitFlow(effect, "CMPQ", left.op(), imm(int64(rows)))
		g.jump("JLT", next)
		tile(rows)
		if i == 0 {
			g.jump("JMP", done)
		} else {
			g.emitFlow(update, "ADDQ", imm(int64(rows)), rowBase.op())
			g.emitFlow(update, "SUBQ", imm(int64(rows)), left.op())
			g.jump("JMP", again)
		}
		g.label(next)
	}
	g.label(done)
}

// heavyEpilogue is the number of operations from which an epilogue is a loop over
// the tile's rows instead of a copy for each.
const heavyEpilogue = 40

func exprCount(ph *loop.Phase) int {
	n := 0
	phaseExprs(ph, func(*loop.Expr) { n++ })
	return n
}

// savedResult is what an earlier phase left, put into the frame.
type savedResult struct {
	result *loop.Result
	points *result
	disp   int64
}

// loopOverRows puts what earlier phases left into the frame and runs a map phase
// row by row.
func (g *generator) loopOverRows(row *loop.Axis, rows, vectors int, ph *loop.Phase) {
	size := int64(g.target.bytes())
	base := 2 * size // behind the places of onStack
	var saved []savedResult
	phaseExprs(ph, func(e *loop.Expr) {
		if e.Op != loop.ResultOf || slices.ContainsFunc(saved, func(s savedResult) bool { return s.result == e.Result }) {
			return
		}
		r := g.results[e.Result]
		saved = append(saved, savedResult{e.Result, r, base})
		g.points(rows, vectors, func() {
			g.emitFlow(effect, "VMOVUPS", r.of(g.r, g.v), operand{kind: memOperand, disp: base})
			base += size
		})
	})
	g.scratch = max(g.scratch, int(base))
	from := g.binding(row)
	g.repeat(row, binding{reg: from.reg, off: from.off}, imm(int64(rows)), 1, func() {
		at, top := g.newReg(gp), g.newReg(gp)
		g.emit("MOVQ", g.axisValue(binding{loop: g.binding(row).loop}, 0), at.op())
		g.scale(at, int64(vectors)*size)
		g.emit("LEAQ", operand{kind: memOperand}, top.op())
		g.emitFlow(update, "ADDQ", top.op(), at.op())
		for _, s := range saved {
			r := &result{at: map[[2]int]operand{}, lane: true, level: g.level}
			for v := range vectors {
				d := g.newReg(vec)
				g.emit("VMOVUPS", operand{kind: memOperand, base: at, disp: s.disp + int64(v)*size}, d.op())
				r.at[[2]int{-1, v}] = d.op()
			}
			g.results[s.result] = r
		}
		g.deps = map[*loop.Expr]dependence{}
		g.nest(ph.Axes, func() { g.mapPoints(ph, 1, vectors) })
	})
	for _, s := range saved {
		g.results[s.result] = s.points
	}
	g.deps = map[*loop.Expr]dependence{}
}

// tile emits the phases for one tile whose axes are bound.
func (g *generator) tile(row *loop.Axis, rows, vectors int, phases []*loop.Phase) {
	for _, ph := range phases {
		switch ph.Kind {
		case loop.Map:
			if rows > 1 && exprCount(ph) > heavyEpilogue {
				g.loopOverRows(row, rows, vectors, ph)
				continue
			}
			g.nest(ph.Axes, func() { g.mapPoints(ph, rows, vectors) })
		case loop.Contract:
			g.contract(ph, rows, vectors)
		case loop.Reduce:
			if ph.Order == loop.Lanes {
				g.shortReduce(ph, rows, vectors)
			} else {
				g.serialReduce(ph, rows, vectors)
			}
		case loop.Sequence:
			g.sequence(ph, rows, vectors)
		case loop.ScatterAdd:
			g.nest(ph.Axes, func() { g.scatterAdd(ph, rows, vectors) })
		default:
			refuse("a sort")
		}
	}
}

// points runs f at every point of the tile.
func (g *generator) points(rows, vectors int, f func()) {
	for g.r = range rows {
		for g.v = range vectors {
			f()
		}
	}
	g.r, g.v = 0, 0
}

// nest runs f inside loops over axes.
func (g *generator) nest(axes []*loop.Axis, f func()) {
	if len(axes) == 0 {
		f()
		return
	}
	g.repeat(axes[0], binding{}, g.dimension(axes[0].Extent), 1, func() { g.nest(axes[1:], f) })
}

// mapPoints stores the values of a map phase: at each point all values are
// computed before the first is stored.
func (g *generator) mapPoints(ph *loop.Phase, rows, vectors int) {
	g.points(rows, vectors, func() {
		var pending []pendingStore
		for _, s := range ph.Stores {
			pending = append(pending, g.evalStore(s))
		}
		for _, p := range pending {
			g.putStore(p)
		}
	})
	g.forget()
}

// define records what a phase leaves at each point of the tile.
func (g *generator) define(res *loop.Result, at map[[2]int]operand) {
	g.results[res] = &result{at: at, row: true, lane: true, level: g.level}
	g.deps = map[*loop.Expr]dependence{}
}

// contract sums products over the phase's axes.
func (g *generator) contract(ph *loop.Phase, rows, vectors int) {
	acc := map[[2]int]operand{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.newReg(vec).op() })
	zero := func() {
		g.points(rows, vectors, func() { g.emit(moveVector, pattern(0), acc[[2]int{g.r, g.v}]) })
	}
	step := func(ph *loop.Phase) {
		g.points(rows, vectors, func() {
			a, b := ph.A, ph.B
			// The operand that is the same in all lanes may come from memory.
			if !g.dependence(b).lane {
				a, b = b, a
			}
			y := g.vecReg(g.eval(b))
			x := g.multiplicand(a, vectors)
			g.emitFlow(update, "VFMADD231PS", x, y, acc[[2]int{g.r, g.v}])
		})
	}
	total := g.blocked(ph, contractBlock, rows, vectors, zero, step, acc,
		func(t, x operand) operand { return g.bin("VADDPS", t, x) }, signBit)
	g.define(ph.Acc, total)
}

// multiplicand is the value of a; an element that one product needs comes
// straight from memory.
func (g *generator) multiplicand(a *loop.Expr, vectors int) operand {
	if g.target == AVX512 && vectors == 1 && a.Op == loop.Load && a.Guard == nil && a.Type == dim.Float32 && !g.dependence(a).lane {
		p := g.split(g.position(a.Param, a.Index))
		o := g.address(a.Param, p, 4)
		o.element = true
		return o
	}
	return g.vecReg(g.eval(a))
}

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

// serialReduce combines values one after another, in blocks.
func (g *generator) serialReduce(ph *loop.Phase, rows, vectors int) {
	for _, r := range ph.Reducers {
		one := *ph
		one.Reducers = []*loop.Reducer{r}
		if combinationOf(r).positions() {
			g.serialPositions(&one, rows, vectors)
		} else {
			g.serialValues(&one, rows, vectors)
		}
	}
}

func (g *generator) serialValues(ph *loop.Phase, rows, vectors int) {
	r := ph.Reducers[0]
	c := combinationOf(r)
	acc := map[[2]int]operand{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.newReg(vec).op() })
	zero := func() {
		g.points(rows, vectors, func() { g.emit(moveVector, pattern(c.identity()), acc[[2]int{g.r, g.v}]) })
	}
	step := func(ph *loop.Phase) {
		r := ph.Reducers[0]
		g.points(rows, vectors, func() {
			a := pair{value: acc[[2]int{g.r, g.v}]}
			g.keep(a, g.combine(c, a, g.reduced(r, nil)), operand{})
		})
	}
	total := g.blocked(ph, serialBlock, rows, vectors, zero, step, acc,
		func(t, x operand) operand { return g.combine(c, pair{value: t}, pair{value: x}).value }, c.neutral())
	g.points(rows, vectors, func() {
		at := [2]int{g.r, g.v}
		total[at] = g.finish(r, pair{value: total[at]})
	})
	g.define(r.Result, total)
}

// serialPositions finds the first place of an extreme value, which does not
// depend on blocks.
func (g *generator) serialPositions(ph *loop.Phase, rows, vectors int) {
	if len(ph.Axes) != 1 {
		refuse("positions of extremes over several axes")
	}
	r := ph.Reducers[0]
	c := combinationOf(r)
	acc := map[[2]int]pair{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.accumulator(c, c.identity()) })
	index := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: ph.Axes[0]})
	g.repeat(ph.Axes[0], binding{}, g.dimension(ph.Axes[0].Extent), 1, func() {
		g.points(rows, vectors, func() {
			a := acc[[2]int{g.r, g.v}]
			g.keep(a, g.combine(c, a, g.reduced(r, index)), operand{})
		})
	})
	out := map[[2]int]operand{}
	g.points(rows, vectors, func() { out[[2]int{g.r, g.v}] = g.finish(r, acc[[2]int{g.r, g.v}]) })
	g.define(r.Result, out)
}

// shortReduce reduces a few elements of each lane's own row in the order of
// lanes: element l alone in lane l, then the tree, depth first.
func (g *generator) shortReduce(ph *loop.Phase, rows, vectors int) {
	var at []map[*loop.Axis]binding
	at = append(at, map[*loop.Axis]binding{})
	for _, a := range ph.Axes {
		n, ok := a.Extent.Int()
		if !ok || n*int64(len(at)) > laneCount {
			refuse("a long reduction across lanes")
		}
		var next []map[*loop.Axis]binding
		for _, m := range at {
			for i := range n {
				c := map[*loop.Axis]binding{a: {off: i}}
				for k, v := range m {
					c[k] = v
				}
				next = append(next, c)
			}
		}
		at = next
	}
	for _, r := range ph.Reducers {
		c := combinationOf(r)
		out := map[[2]int]operand{}
		g.points(rows, vectors, func() {
			row, v := g.r, g.v
			p := g.shortTree(c, r, at, 0, 1)
			g.r, g.v = row, v
			out[[2]int{row, v}] = g.finish(r, p)
		})
		g.define(r.Result, out)
	}
}

// shortTree combines the elements l, l+s, l+2s, ...
func (g *generator) shortTree(c combination, r *loop.Reducer, at []map[*loop.Axis]binding, l, s int) pair {
	if s == laneCount || l+s >= len(at) {
		if l >= len(at) {
			return g.accumulator(c, c.identity())
		}
		var p pair
		g.block(at[l], func() {
			x := g.reduced(r, nil)
			if c.positions() {
				x.place = g.vecReg(pattern(uint32(l)))
			}
			p = g.combine(c, g.accumulator(c, c.identity()), x)
		})
		return p
	}
	low := g.shortTree(c, r, at, l, 2*s)
	return g.combine(c, low, g.shortTree(c, r, at, l+s, 2*s))
}

// sequence carries values along its axis, one set for each point of the tile.
func (g *generator) sequence(ph *loop.Phase, rows, vectors int) {
	current := make([]map[[2]int]operand, len(ph.Carries))
	for i, c := range ph.Carries {
		current[i] = map[[2]int]operand{}
		g.points(rows, vectors, func() {
			r := g.newReg(vec)
			g.emit(moveVector, g.eval(c.Init), r.op())
			current[i][[2]int{g.r, g.v}] = r.op()
		})
	}
	g.repeat(ph.Axes[0], binding{}, g.dimension(ph.Axes[0].Extent), 1, func() {
		for i, c := range ph.Carries {
			g.define(c.Current, current[i])
		}
		g.points(rows, vectors, func() {
			at := [2]int{g.r, g.v}
			next := make([]operand, len(ph.Carries))
			for i, c := range ph.Carries {
				next[i] = g.vecReg(g.eval(c.Next))
				g.nexts[c.Current] = next[i]
			}
			var pending []pendingStore
			for _, s := range ph.Stores {
				pending = append(pending, g.evalStore(s))
			}
			for _, p := range pending {
				g.putStore(p)
			}
			for i := range ph.Carries { // a copy, because another carry's next value may be this one
				t := g.newReg(vec)
				g.emit(moveVector, next[i], t.op())
				next[i] = t.op()
			}
			for i := range ph.Carries {
				g.emit(moveVector, next[i], current[i][at])
			}
		})
		g.forget()
	})
	for i, c := range ph.Carries {
		g.define(c.Current, current[i])
	}
}

// scatterAdd adds at one point of the phase's axes. Lanes never name the same
// element: they run along an axis of the elements.
func (g *generator) scatterAdd(ph *loop.Phase, rows, vectors int) {
	g.points(rows, vectors, func() {
		for _, s := range ph.Stores {
			ps := g.evalStore(s)
			old := g.load(&loop.Expr{Op: loop.Load, Type: s.Param.DType, Param: s.Param, Index: s.Index})
			op := "VADDPS"
			if s.Param.DType != dim.Float32 {
				op = "VPADDD"
			}
			ps.value = g.bin(op, old, ps.value)
			g.putStore(ps)
		}
	})
	g.forget()
}

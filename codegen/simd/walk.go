package simd

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// chunkElements is about how many elements one item of an elementwise or row
// kernel covers: some microseconds of work.
const chunkElements = 8192

// elementsOf is chunkElements, or fewer where each is the work of many operations.
func elementsOf(ph *loop.Phase) int64 {
	if exprCount(ph) > longExpression {
		return chunkElements / 4
	}
	return chunkElements
}

// items emits the loop over the items of a call, from argument lo to before hi.
func (g *generator) items(f func(item reg)) {
	item := g.newReg(gp)
	done, again := g.newLabel("done"), g.newLabel("item")
	g.emit("MOVQ", g.memory("lo"), item.op())
	g.emitFlow(effect, "CMPQ", item.op(), g.memory("hi"))
	g.jump("JGE", done)
	g.push(&scope{loop: true, step: 1})
	f(item)
	g.level = len(g.scopes) - 1
	g.emitFlow(update, "INCQ", item.op())
	g.emitFlow(effect, "CMPQ", item.op(), g.memory("hi"))
	g.jump("JLT", again)
	g.pop([]inst{{flow: label, a: []operand{{kind: labelOperand, name: again}}}}, nil)
	g.label(done)
}

// walking is how a kernel's rows, and lanes along one axis, are cut into items.
type walking struct {
	rows      []*loop.Axis // their points are rows
	lane      *loop.Axis   // nil in row kernels, where phases have their own
	laneChunk int64
	rowChunk  int64
}

func newWalking(rows []*loop.Axis, lane *loop.Axis, length dim.Dim, elements int64) *walking {
	w := &walking{rows: rows, lane: lane, laneChunk: elements, rowChunk: 2}
	switch n, known := length.Int(); {
	case known:
		w.laneChunk = min(max(n, 1), elements)
		w.rowChunk = min(max(elements/max(n, 1), 1), elements)
	case lane != nil: // rows may be short
		w.laneChunk, w.rowChunk = elements/4, 8
	}
	return w
}

func (w *walking) rowCount() dim.Dim {
	n := dim.Const(1)
	for _, a := range w.rows {
		n = n.Mul(a.Extent)
	}
	return n
}

func (w *walking) counts() (lanes, rows dim.Dim) {
	lanes = dim.Const(1)
	if w.lane != nil {
		lanes = w.lane.Extent.CeilDiv(dim.Const(w.laneChunk))
	}
	return lanes, w.rowCount().CeilDiv(dim.Const(w.rowChunk))
}

func (w *walking) items() dim.Dim {
	lanes, rows := w.counts()
	return lanes.Mul(rows)
}

// walk emits items, in each its rows one after another with their axes bound;
// f gets the first lane and the number of lanes.
func (g *generator) walk(w *walking, f func(base reg, n operand)) {
	g.walkItems(w, func(base reg, n operand, rows func(func())) { rows(func() { f(base, n) }) })
}

// walkItems emits items. f gets the first lane, the number of lanes and what emits
// a loop over the item's rows.
func (g *generator) walkItems(w *walking, f func(base reg, n operand, rows func(func()))) {
	g.items(func(item reg) {
		lanes, rows := w.counts()
		at := g.unravel(item, []dim.Dim{lanes, rows})
		var n operand
		if w.lane != nil {
			g.scaleIf(at[0], w.laneChunk)
			n = g.chunkSize(w.lane.Extent, at[0], w.laneChunk)
		}
		if len(w.rows) > 0 {
			g.scaleIf(at[1], w.rowChunk)
		}
		f(at[0], n, func(body func()) { g.walkRows(w, at[1], body) })
	})
}

// walkRows emits the loop over an item's rows, the first of which is given.
func (g *generator) walkRows(w *walking, first reg, body func()) {
	if len(w.rows) == 0 {
		body()
		return
	}
	count := g.chunkSize(w.rowCount(), first, w.rowChunk)
	last := w.rows[len(w.rows)-1]
	switch n, known := last.Extent.Int(); {
	case len(w.rows) == 1:
		g.repeat(last, binding{reg: first}, count, 1, body)
	case !known || n >= longRun:
		g.runs(w.rows, first, count, body)
	default:
		row := &loop.Axis{Name: "row", Extent: w.rowCount()}
		g.repeat(row, binding{reg: first}, count, 1, func() {
			index := g.inRegister(g.axisValue(g.binding(row), 0))
			bind, _ := g.rowCoordinates(w.rows, index.reg)
			g.block(bind, body)
		})
	}
}

// longRun is the extent of the last row axis from which on its points are a loop
// of their own: what the other axes decide is then computed once for them.
const longRun = 8

// rowCoordinates binds row axes to the coordinates of a row's number.
func (g *generator) rowCoordinates(rows []*loop.Axis, index reg) (bind map[*loop.Axis]binding, at []reg) {
	counts := make([]dim.Dim, len(rows))
	for i, a := range rows {
		counts[len(counts)-1-i] = a.Extent
	}
	at = g.unravel(index, counts)
	bind = map[*loop.Axis]binding{}
	for i, a := range rows {
		bind[a] = binding{reg: at[len(at)-1-i]}
	}
	return bind, at
}

// runs emits f for count rows from row number first on, in runs along the last of
// their axes.
func (g *generator) runs(rows []*loop.Axis, first reg, count operand, f func()) {
	last := rows[len(rows)-1]
	index, left := g.newReg(gp), g.newReg(gp)
	if first == 0 {
		g.emit("MOVQ", imm(0), index.op())
	} else {
		g.emit("MOVQ", first.op(), index.op())
	}
	g.emit("MOVQ", count, left.op())
	again, end := g.newLabel("run"), g.newLabel("end")
	g.label(again)
	g.emitFlow(effect, "TESTQ", left.op(), left.op())
	g.jump("JLE", end)
	g.region(nil, func() {
		bind, at := g.rowCoordinates(rows, index)
		n := g.newReg(gp)
		g.emit("MOVQ", g.dimension(last.Extent), n.op())
		if at[0] != 0 {
			g.emitFlow(update, "SUBQ", at[0].op(), n.op())
		}
		g.emitFlow(effect, "CMPQ", n.op(), left.op())
		g.emitFlow(update, "CMOVQGT", left.op(), n.op())
		g.emitFlow(update, "SUBQ", n.op(), left.op())
		g.emitFlow(update, "ADDQ", n.op(), index.op())
		delete(bind, last)
		g.block(bind, func() { g.repeat(last, binding{reg: at[0]}, n.op(), 1, f) })
	})
	g.jump("JMP", again)
	g.label(end)
}

// chunkSize is min(chunk, extent - base).
func (g *generator) chunkSize(extent dim.Dim, base reg, chunk int64) operand {
	if n, ok := extent.Int(); ok && n%chunk == 0 {
		return imm(chunk)
	}
	if n, ok := extent.Int(); ok && base == 0 {
		return imm(min(n, chunk))
	}
	n, most := g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", g.dimension(extent), n.op())
	if base != 0 {
		g.emitFlow(update, "SUBQ", base.op(), n.op())
	}
	g.emit("MOVQ", imm(chunk), most.op())
	g.emitFlow(effect, "CMPQ", n.op(), most.op())
	g.emitFlow(update, "CMOVQGT", most.op(), n.op())
	return n.op()
}

// lanes runs f over n lanes of axis from base: in groups of so many vectors,
// then single vectors, then a masked one. f gets the number of vectors.
func (g *generator) lanes(axis *loop.Axis, base reg, n operand, vectors int, f func(vectors int)) {
	w := int64(g.target.lanes())
	step := int64(vectors) * w
	if n.kind == immOperand {
		whole := n.imm / step
		g.repeat(axis, binding{reg: base, lane: true}, imm(whole), step, func() { f(vectors) })
		left := n.imm - whole*step
		if left == 0 {
			return
		}
		rest := int((left + w - 1) / w)
		masks := g.constMasks(left, rest)
		g.block(map[*loop.Axis]binding{axis: {reg: base, off: whole * step, lane: true, masks: masks}}, func() { f(rest) })
		return
	}
	// The vectors that are whole, then the lanes beyond them.
	count, from, left := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", n, count.op())
	g.emitFlow(update, "SHRQ", imm(log2(step)), count.op())
	g.repeat(axis, binding{reg: base, lane: true}, count.op(), step, func() { f(vectors) })
	g.emit("MOVQ", n, left.op())
	g.emitFlow(update, "ANDQ", imm(step-1), left.op())
	g.emit("MOVQ", n, from.op())
	g.emitFlow(update, "SUBQ", left.op(), from.op())
	if base != 0 {
		g.emitFlow(update, "ADDQ", base.op(), from.op())
	}
	if vectors > 1 {
		single := g.newReg(gp)
		g.emit("MOVQ", left.op(), single.op())
		g.emitFlow(update, "SHRQ", imm(log2(w)), single.op())
		g.repeat(axis, binding{reg: from, lane: true}, single.op(), w, func() { f(1) })
		last := g.newReg(gp)
		g.emit("MOVQ", left.op(), last.op())
		g.emitFlow(update, "ANDQ", imm(w-1), last.op())
		end := g.newReg(gp)
		g.emit("MOVQ", from.op(), end.op())
		g.emitFlow(update, "ADDQ", left.op(), end.op())
		g.emitFlow(update, "SUBQ", last.op(), end.op())
		left, from = last, end
	}
	none := g.newLabel("none")
	g.emitFlow(effect, "TESTQ", left.op(), left.op())
	g.jump("JEQ", none)
	g.region(nil, func() {
		masks := []operand{g.laneMask(left.op(), 0)}
		g.block(map[*loop.Axis]binding{axis: {reg: from, lane: true, masks: masks}}, func() { f(1) })
	})
	g.label(none)
}

// longExpression is the number of operations from which whole and partial vectors
// share one copy of the code.
const longExpression = 150

// maskedLanes runs f over n lanes of axis from base, one vector at a time, all masked.
func (g *generator) maskedLanes(axis *loop.Axis, base reg, n operand, f func()) {
	w := int64(g.target.lanes())
	var count operand
	if n.kind == immOperand {
		count = imm((n.imm + w - 1) / w)
	} else {
		r := g.newReg(gp)
		g.emit("LEAQ", at(n.reg, w-1), r.op())
		g.emitFlow(update, "SHRQ", imm(log2(w)), r.op())
		count = r.op()
	}
	g.repeat(axis, binding{reg: base, lane: true, masks: make([]operand, 1)}, count, w, func() {
		b := g.binding(axis)
		left := g.newReg(gp)
		g.emit("MOVQ", g.inRegister(g.axisValue(binding{loop: b.loop}, 0)), left.op())
		g.emitFlow(update, "NEGQ", left.op())
		g.emitFlow(update, "ADDQ", n, left.op())
		b.masks = []operand{g.laneMask(left.op(), 0)}
		g.block(map[*loop.Axis]binding{axis: b}, f)
	})
}

// fewVectors is the number of vectors up to which a row's lanes are the outer loop.
const fewVectors = 4

// elementwise emits a kernel of one map phase.
func (g *generator) elementwise(w *walking, ph *loop.Phase) {
	size := 0
	phaseExprs(ph, func(*loop.Expr) { size++ })
	vectors := 2
	if size > 60 {
		vectors = 1
	}
	g.walkItems(w, func(base reg, n operand, rows func(func())) {
		narrow := n.kind == immOperand && n.imm <= fewVectors*int64(g.target.lanes()) && len(w.rows) > 0
		switch {
		case size > longExpression:
			rows(func() { g.maskedLanes(w.lane, base, n, func() { g.mapPoints(ph, 1, 1) }) })
		case narrow: // what the lanes decide is computed once for all rows
			g.lanes(w.lane, base, n, vectors, func(v int) { rows(func() { g.mapPoints(ph, 1, v) }) })
		default:
			rows(func() { g.lanes(w.lane, base, n, vectors, func(v int) { g.mapPoints(ph, 1, v) }) })
		}
	})
}

// rowKernel emits a kernel whose phases run along rows, one row at a time.
func (g *generator) rowKernel(w *walking, phases []*loop.Phase) {
	g.walk(w, func(reg, operand) {
		g.block(nil, func() {
			if n, axis, ok := g.shortRows(phases); ok {
				g.heldRow(n, axis, phases)
				return
			}
			for _, ph := range phases {
				g.rowPhase(ph)
			}
		})
	})
}

// heldElements is the longest row whose values stay in registers from phase to phase.
const heldElements = 128

// shortRows reports whether all phases run along one axis of few elements.
func (g *generator) shortRows(phases []*loop.Phase) (n int64, axis *loop.Axis, ok bool) {
	for _, ph := range phases {
		if len(ph.Axes) == 0 {
			continue
		}
		if len(ph.Axes) > 1 || axis != nil && ph.Axes[0] != axis {
			return 0, nil, false
		}
		axis = ph.Axes[0]
	}
	if axis == nil {
		return 0, nil, false
	}
	n, known := axis.Extent.Int()
	return n, axis, known && n <= heldElements
}

// heldRow emits phases over a row that fits in registers: an expression that
// several phases need is computed once.
func (g *generator) heldRow(n int64, axis *loop.Axis, phases []*loop.Phase) {
	w := int64(g.target.lanes())
	vectors := int((n + w - 1) / w)
	masks := g.constMasks(n, vectors)
	g.block(map[*loop.Axis]binding{axis: {lane: true, masks: masks}}, func() {
		for _, ph := range phases {
			switch {
			case ph.Kind == loop.Map && len(ph.Axes) == 0:
				g.mapPoints(ph, 1, 1)
			case ph.Kind == loop.Map:
				g.mapPoints(ph, 1, vectors)
			case ph.Kind == loop.Reduce && len(ph.Axes) > 0:
				accs := g.rowAccumulators(ph)
				g.accumulate(ph, accs, vectors)
				for i, r := range ph.Reducers {
					g.defineRow(r, g.tree(combinationOf(r), accs[i]))
				}
			default:
				g.rowPhase(ph)
			}
		}
	})
}

// rowAccumulators returns 32 lanes for each reducer.
func (g *generator) rowAccumulators(ph *loop.Phase) [][]pair {
	out := make([][]pair, len(ph.Reducers))
	for i, r := range ph.Reducers {
		c := combinationOf(r)
		for range laneCount / g.target.lanes() {
			out[i] = append(out[i], g.accumulator(c, c.identity()))
		}
	}
	return out
}

// accumulate combines the vectors of the bound lane axis into the accumulators:
// vector v goes to lanes of group v mod (32 / lanes of a vector).
func (g *generator) accumulate(ph *loop.Phase, accs [][]pair, vectors int) {
	index := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: ph.Axes[0]})
	if g.positionOf != nil {
		index = g.positionOf
	}
	for g.v = range vectors {
		for i, r := range ph.Reducers {
			c := combinationOf(r)
			acc := accs[i][g.v%len(accs[i])]
			var m operand
			if masks := g.laneMasks(); masks != nil {
				m = masks[g.v]
			}
			g.keep(acc, g.combine(c, acc, g.reduced(r, index)), m)
		}
	}
	g.v = 0
}

// defineRow records a row's result, which lane 0 holds, for all lanes.
func (g *generator) defineRow(r *loop.Reducer, p pair) {
	spread := func(x operand) operand {
		if x.kind == 0 {
			return x
		}
		d := g.newReg(vec)
		g.emit("VBROADCASTSS", x.reg.x(), d.op())
		return d.op()
	}
	p = pair{spread(p.value), spread(p.place)}
	g.results[r.Result] = &result{at: map[[2]int]operand{{-1, -1}: g.finish(r, p)}, level: g.level}
	g.deps = map[*loop.Expr]dependence{}
}

// rowPhase emits one phase along a row.
func (g *generator) rowPhase(ph *loop.Phase) {
	switch {
	case ph.Kind == loop.Map && len(ph.Axes) == 0:
		g.mapPoints(ph, 1, 1)
	case ph.Kind == loop.Map:
		lane := g.laneAxis(ph.Axes, []*loop.Phase{ph})
		var around []*loop.Axis
		for _, a := range ph.Axes {
			if a != lane {
				around = append(around, a)
			}
		}
		g.nest(around, func() {
			g.lanes(lane, 0, g.dimension(lane.Extent), 2, func(v int) {
				g.mapPoints(ph, 1, v)
				if v == 2 {
					g.mayPauseIn(ph.Axes)
				}
			})
		})
	case ph.Kind == loop.Reduce && ph.Order == loop.Lanes && len(ph.Axes) == 0:
		refuse("a reduction over no axis")
	case ph.Kind == loop.Reduce && ph.Order == loop.Lanes:
		g.longReduce(g.oneAxis(ph))
	default:
		refuse("a phase of another kind in a kernel of rows")
	}
}

// oneAxis joins the axes of a phase that walks them unevenly: each is a quotient
// or remainder of one index.
func (g *generator) oneAxis(ph *loop.Phase) *loop.Phase {
	if len(ph.Axes) == 1 {
		return ph
	}
	total := dim.Const(1)
	for _, a := range ph.Axes {
		total = total.Mul(a.Extent)
	}
	one := &loop.Axis{Name: "i", Extent: total}
	index := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: one})
	step := dim.Const(1)
	for i := len(ph.Axes) - 1; i >= 0; i-- {
		e := index
		if !step.Is(1) {
			e = g.rw.intern(&loop.Expr{Op: loop.FloorDiv, Type: dim.Int64, Args: []*loop.Expr{e, g.rw.size(step)}})
		}
		if i > 0 {
			e = g.rw.intern(&loop.Expr{Op: loop.Mod, Type: dim.Int64, Args: []*loop.Expr{e, g.rw.size(ph.Axes[i].Extent)}})
			step = step.Mul(ph.Axes[i].Extent)
		}
		g.rw.replace(ph.Axes[i], e)
	}
	q := g.rw.phase(ph, []*loop.Axis{one})
	g.rw.release(ph.Axes...)
	return q
}

// longReduce reduces a row of any length: chunks of 1,024, in each 32 lanes.
func (g *generator) longReduce(ph *loop.Phase) {
	axis := ph.Axes[0]
	vectors := laneCount / g.target.lanes()
	n, known := axis.Extent.Int()
	if known && n <= laneChunk {
		accs := g.rowAccumulators(ph)
		g.reduceLanes(ph, axis, imm(n), vectors, accs)
		for i, r := range ph.Reducers {
			g.defineRow(r, g.tree(combinationOf(r), accs[i]))
		}
		return
	}
	inside := &loop.Axis{Name: axis.Name, Extent: dim.Const(laneChunk)}
	around := &loop.Axis{Name: axis.Name + "Chunk", Extent: axis.Extent.CeilDiv(dim.Const(laneChunk))}
	totals := make([]pair, len(ph.Reducers))
	for i, r := range ph.Reducers {
		c := combinationOf(r)
		totals[i] = g.accumulator(c, c.neutral())
	}
	position := g.blockPosition(around, inside, laneChunk)
	g.rw.replace(axis, position)
	inner := g.rw.phase(ph, []*loop.Axis{inside})
	chunks := g.newReg(gp)
	g.emit("MOVQ", g.dimension(around.Extent), chunks.op())
	one := g.newReg(gp)
	g.emit("MOVQ", imm(1), one.op())
	g.emitFlow(effect, "CMPQ", chunks.op(), one.op())
	g.emitFlow(update, "CMOVQLT", one.op(), chunks.op())
	g.repeat(around, binding{}, chunks.op(), 1, func() {
		from := g.newReg(gp)
		g.emit("MOVQ", g.axisValue(g.binding(around), 0), from.op())
		g.scale(from, laneChunk)
		accs := g.rowAccumulators(inner)
		g.positionOf = position
		g.reduceLanes(inner, inside, g.chunkSize(axis.Extent, from, laneChunk), vectors, accs)
		g.positionOf = nil
		for i, r := range inner.Reducers {
			c := combinationOf(r)
			g.keep(totals[i], g.combine(c, totals[i], g.tree(c, accs[i])), operand{})
		}
		g.mayPause(0)
	})
	g.rw.release(axis)
	for i, r := range ph.Reducers {
		g.defineRow(r, totals[i])
	}
}

// reduceLanes combines n elements along axis, 32 at a time, the last ones masked.
func (g *generator) reduceLanes(ph *loop.Phase, axis *loop.Axis, n operand, vectors int, accs [][]pair) {
	if n.kind == immOperand {
		g.repeat(axis, binding{lane: true}, imm(n.imm/laneCount), laneCount, func() { g.accumulate(ph, accs, vectors) })
		if left := n.imm % laneCount; left > 0 {
			w := int64(g.target.lanes())
			rest := int((left + w - 1) / w)
			bind := binding{off: n.imm - left, lane: true, masks: g.constMasks(left, rest)}
			g.block(map[*loop.Axis]binding{axis: bind}, func() { g.accumulate(ph, accs, rest) })
		}
		return
	}
	whole, left, from := g.newReg(gp), g.newReg(gp), g.newReg(gp)
	g.emit("MOVQ", n, whole.op())
	g.emitFlow(update, "SHRQ", imm(log2(laneCount)), whole.op())
	g.repeat(axis, binding{lane: true}, whole.op(), laneCount, func() { g.accumulate(ph, accs, vectors) })
	g.emit("MOVQ", n, left.op())
	g.emitFlow(update, "ANDQ", imm(laneCount-1), left.op())
	none := g.newLabel("none")
	g.jump("JEQ", none)
	g.emit("MOVQ", n, from.op())
	g.emitFlow(update, "SUBQ", left.op(), from.op())
	g.region(nil, func() {
		bind := binding{reg: from, lane: true, masks: g.runMasks(left.op(), vectors)}
		g.block(map[*loop.Axis]binding{axis: bind}, func() { g.accumulate(ph, accs, vectors) })
	})
	g.label(none)
}

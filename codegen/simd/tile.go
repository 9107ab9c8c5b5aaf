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
// row by vectors along axis lane, one tile after another. A tile of full height
// may be narrower than a tile: it is then several side by side.
type tiling struct {
	lane, row     *loop.Axis // row is nil for one row a tile
	whole         *loop.Axis // a second axis of rows, which every tile has whole; nil for none
	outer         []*loop.Axis
	rows, vectors int
	narrow        int // vectors side by side where there are many rows; 0 for all
}

// across is how many vectors of n a tile with so many rows computes together: as
// many as keep the multiply-add units busy, and fit into the registers.
func (t *tiling) across(g *generator, rows, n int) int {
	if t.narrow == 0 || rows*n <= g.target.registerCount(vec)*2/3 {
		return n
	}
	return min(n, t.narrow)
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
		order := g.tileOrder(t, phases)
		counts := make([]dim.Dim, len(order))
		for i, a := range order {
			switch a {
			case nil:
				counts[i] = dim.Const(1)
			case t.row:
				counts[i] = a.Extent.CeilDiv(dim.Const(int64(t.rows)))
			case t.lane:
				counts[i] = a.Extent.CeilDiv(dim.Const(t.width(g)))
			default:
				counts[i] = a.Extent
			}
		}
		at := g.unravel(item, counts)
		bind := map[*loop.Axis]binding{}
		for i, a := range order {
			if a != nil && a != t.row && a != t.lane {
				bind[a] = binding{reg: at[i]}
			}
		}
		rowBase, laneBase := at[slices.Index(order, t.row)], at[slices.Index(order, t.lane)]
		g.scaleIf(rowBase, int64(t.rows))
		g.scaleIf(laneBase, t.width(g))
		g.laneAlign = t.width(g)
		g.block(bind, func() { g.laneVariants(t, rowBase, laneBase, phases) })
		g.laneAlign = 0
	})
}

// heavyOperand is the size in bytes from which on what the lanes of a contraction
// read should be used up before the next lanes are turned to: most of a
// second-level cache.
const heavyOperand = 512 << 10

// tileOrder lists the axes of the tiles, the fastest first; nil stands for no row
// axis. Taps of a window come first, because results of neighbouring taps are
// neighbours in memory.
func (g *generator) tileOrder(t *tiling, phases []*loop.Phase) []*loop.Axis {
	order := []*loop.Axis{t.row, t.lane}
	for i := len(t.outer) - 1; i >= 0; i-- {
		order = append(order, t.outer[i])
	}
	i := slices.IndexFunc(phases, func(ph *loop.Phase) bool { return ph.Kind == loop.Contract })
	if i < 0 {
		return order
	}
	c := phases[i]
	taps := 0
	for j, a := range order {
		if a != nil && a != t.row && a != t.lane && isTap(a, c) {
			order = slices.Insert(slices.Delete(order, j, j+1), taps, a)
			taps++
		}
	}
	if g.byRows(t, c) {
		return append([]*loop.Axis{t.lane, t.row}, without(without(order, t.lane), t.row)...)
	}
	if heavyLanes(t, c) {
		order = append(without(order, t.lane), t.lane)
	}
	return order
}

// byRows reports whether tiles of the same rows should follow each other, so that
// threads divide the rows. In this way what one thread computes stays in its cache for
// the next kernel, while all threads read all that runs along the lanes, mostly
// weights: it must be little. In the other way threads keep to their share of the
// weights, which is better where an update changes more of them than there is of rows.
func (g *generator) byRows(t *tiling, c *loop.Phase) bool {
	if t.row == nil {
		return false
	}
	lanes, known := t.lane.Extent.Int()
	sums := int64(1)
	for _, a := range c.Axes {
		n, ok := a.Extent.Int()
		sums, known = sums*n, known && ok
	}
	if _, fixed := t.row.Extent.Int(); fixed || !known || 4*lanes*sums > heavyOperand {
		return false
	}
	return g.looped || usualSize(t.row)*(lanes+sums) > 4*lanes*sums
}

// isTap reports whether an axis of results is a window's.
func isTap(a *loop.Axis, c *loop.Phase) bool {
	n, ok := a.Extent.Int()
	if !ok || n > 7 {
		return false
	}
	guarded := func(x *loop.Expr) bool { return x.Op == loop.Load && x.Guard != nil && mentions(x.Guard, a) }
	return guarded(c.A) || guarded(c.B)
}

// heavyLanes reports whether what the lanes of a contraction read is much, and is
// read again for other tiles.
func heavyLanes(t *tiling, c *loop.Phase) bool {
	b := c.B
	if !mentions(b, t.lane) {
		b = c.A
	}
	size, known := t.lane.Extent.Int()
	for _, a := range c.Axes {
		n, ok := a.Extent.Int()
		size, known = size*n, known && ok
	}
	again := len(t.outer) > 0 && !slices.ContainsFunc(t.outer, func(a *loop.Axis) bool { return mentions(b, a) })
	return known && 4*size > heavyOperand && again
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
			g.emitFlow(divide, "DIV", rest.op(), g.dimension(c), q.op(), out[i].op())
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

// rowSpan is the range of the first row of tiles of a height.
func (t *tiling) rowSpan(base reg, rows int64) *span {
	m, known := t.row.Extent.Int()
	switch {
	case base == 0:
		return &span{}
	case !known:
		return &span{0, unbounded}
	case rows < int64(t.rows):
		return &span{m - rows, m - rows}
	}
	return &span{0, m - m%rows - rows}
}

// rowVariants emits the tile for all its rows and for fewer at the axis's end.
func (g *generator) rowVariants(t *tiling, rowBase reg, lane binding, vectors int, phases []*loop.Phase) {
	tile := func(rows int) {
		across := t.across(g, rows*g.wholeRows(), vectors)
		for first := 0; first < vectors; first += across {
			part := lane
			part.off += int64(first * g.target.lanes())
			n := min(across, vectors-first)
			if lane.masks != nil {
				part.masks = lane.masks[first:][:n]
			}
			bind := map[*loop.Axis]binding{t.lane: part}
			if t.row != nil {
				bind[t.row] = binding{reg: rowBase, row: true, within: t.rowSpan(rowBase, int64(rows))}
			}
			if t.whole != nil {
				bind[t.whole] = binding{inner: true}
			}
			g.region(bind, func() { g.tile(t.row, rows*g.wholeRows(), n, phases) })
		}
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
	from, whole := g.binding(row), g.wholeRows()
	for i := range whole { // of rows that differ in the second axis alone
		g.block(g.wholeAt(int64(i)), func() { g.epilogueRows(row, from, rows/whole, vectors, i, saved, ph) })
	}
	for _, s := range saved {
		g.results[s.result] = s.points
	}
	g.deps = map[*loop.Expr]dependence{}
}

// wholeAt binds the axis that a tile has whole to one place.
func (g *generator) wholeAt(i int64) map[*loop.Axis]binding {
	for _, s := range slices.Backward(g.scopes) {
		for a, b := range s.bind {
			if b.inner {
				return map[*loop.Axis]binding{a: {off: i}}
			}
		}
	}
	return nil
}

// epilogueRows runs a map phase over rows whose sums lie in the frame, the first
// of them at place first.
func (g *generator) epilogueRows(row *loop.Axis, from binding, rows, vectors, first int, saved []savedResult, ph *loop.Phase) {
	size := int64(g.target.bytes())
	g.repeat(row, binding{reg: from.reg, off: from.off}, imm(int64(rows)), 1, func() {
		at, top := g.newReg(gp), g.newReg(gp)
		g.emit("MOVQ", g.axisValue(binding{loop: g.binding(row).loop}, 0), at.op())
		g.scale(at, int64(g.wholeRows()*vectors)*size)
		g.emit("LEAQ", operand{kind: memOperand}, top.op())
		g.emitFlow(update, "ADDQ", top.op(), at.op())
		for _, s := range saved {
			r := &result{at: map[[2]int]operand{}, lane: true, level: g.level}
			for v := range vectors {
				d := g.newReg(vec)
				g.emit("VMOVUPS", operand{kind: memOperand, base: at, disp: s.disp + int64(first*vectors+v)*size}, d.op())
				r.at[[2]int{-1, v}] = d.op()
			}
			g.results[s.result] = r
		}
		g.deps = map[*loop.Expr]dependence{}
		g.nest(ph.Axes, func() { g.mapPoints(ph, 1, vectors) })
	})
}

// An optimizer's tensors are touched once a step. From fromCache elements on they
// have left the first-level cache by then, from fromMemory on the second-level one.
const (
	fromCache  = 8 << 10
	fromMemory = 256 << 10
)

// prefetch asks for what a tile's epilogue updates while its sums are made: what is
// far away at once, ahead of them, and the rest line by line, a line a step.
func (g *generator) prefetch(ph *loop.Phase, rows, vectors int) {
	if ph.Kind != loop.Map || len(ph.Axes) > 0 {
		return
	}
	for _, s := range ph.Stores {
		n := int64(1)
		for _, d := range s.Param.Shape {
			c, _ := d.Int()
			n *= c
		}
		switch {
		case n < fromCache || !s.Param.Read:
		case n < fromMemory:
			g.startTrickle(s, rows, vectors)
		default:
			g.points(rows, vectors, func() {
				if p := g.split(g.position(s.Param, s.Index)); p.lane.Is(1) && len(p.gather) == 0 {
					g.emitFlow(effect, "PREFETCHT0", g.address(s.Param, p, int64(s.Param.DType.Size())))
				}
			})
		}
	}
}

// cacheLine is the bytes that one prefetch asks for.
const cacheLine = 64

// trickle is memory that the steps of a sum ask for, a line of each part a step.
type trickle struct {
	parts []reg // where they begin
	at    reg   // bytes from there to the next line
	size  int64 // bytes of a part, rounded up to a power of two
}

// startTrickle adds what a store updates if that is one piece of memory.
func (g *generator) startTrickle(s *loop.Store, rows, vectors int) {
	size := int64(s.Param.DType.Size())
	first := g.split(g.position(s.Param, s.Index))
	g.r, g.v = rows-1, vectors-1
	last := g.split(g.position(s.Param, s.Index))
	g.r, g.v = 0, 0
	elements := int64(rows * vectors * g.target.lanes())
	if !first.lane.Is(1) || len(first.gather) > 0 || first.row != 0 || last.row != 0 || last.disp-first.disp != elements-int64(g.target.lanes()) {
		return
	}
	t := &g.trickle
	if len(t.parts) == 0 {
		t.at, t.size = g.newReg(gp), cacheLine
		g.emit("MOVQ", imm(0), t.at.op())
	}
	for t.size < elements*size {
		t.size *= 2
	}
	begin := g.newReg(gp)
	g.emit("LEAQ", g.address(s.Param, first, size), begin.op())
	t.parts = append(t.parts, begin)
}

// nextLine asks for the next line of each part; after the last comes the first again.
func (g *generator) nextLine() {
	t := g.trickle
	if len(t.parts) == 0 {
		return
	}
	for _, p := range t.parts {
		g.emitFlow(effect, "PREFETCHT0", operand{kind: memOperand, base: p, index: t.at, scale: 1})
	}
	if t.size > cacheLine {
		g.emitFlow(update, "ADDQ", imm(cacheLine), t.at.op())
		g.emitFlow(update, "ANDQ", imm(t.size-1), t.at.op())
	}
}

// tile emits the phases for one tile whose axes are bound.
func (g *generator) tile(row *loop.Axis, rows, vectors int, phases []*loop.Phase) {
	for _, ph := range phases {
		switch ph.Kind {
		case loop.Map:
			if g.turn != nil && rows >= fewestRows && g.transposed(ph, g.turn.lane, g.turn.row, rows) {
				continue
			}
			if rows > 1 && exprCount(ph) > heavyEpilogue {
				g.loopOverRows(row, rows, vectors, ph)
				continue
			}
			g.nest(ph.Axes, func() {
				g.mapPoints(ph, rows, vectors)
				g.mayPauseIn(ph.Axes)
			})
		case loop.Contract:
			for _, next := range phases {
				g.prefetch(next, rows, vectors)
			}
			g.contract(ph, rows, vectors)
			g.trickle = trickle{}
		case loop.Reduce:
			if ph.Order == loop.Lanes {
				g.shortReduce(ph, rows, vectors)
			} else {
				g.serialReduce(ph, rows, vectors)
			}
		case loop.Sequence:
			g.sequence(ph, rows, vectors)
		case loop.ScatterAdd:
			g.nest(ph.Axes, func() {
				g.scatterAdd(ph, rows, vectors)
				g.mayPauseIn(ph.Axes)
			})
		default:
			refuse("a sort")
		}
	}
}

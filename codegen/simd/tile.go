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

package simd

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// fewestRows is the height from which a block is transposed: fewer rows are gathered.
const fewestRows = 4

// transposing finds tiles for a kernel whose lanes write neighbours, but read what
// lies apart, while along another axis the reads are neighbours. Such a tile is as
// high as a vector is long: it is read along the other axis and transposed in
// registers. It returns nil for other kernels.
func (g *generator) transposing(space []*loop.Axis, lane *loop.Axis, ph *loop.Phase) *tiling {
	if len(ph.Axes) > 0 || operations(ph) > longTranspose {
		return nil
	}
	for _, s := range ph.Stores {
		if s.If != nil || !g.strideOf(s.Param, s.Index, lane).Is(1) || !g.wholePanels(s.Param, s.Index, lane) {
			return nil
		}
	}
	for _, row := range without(space, lane) {
		if n, known := row.Extent.Int(); known && n < fewestRows {
			continue
		}
		if len(g.turned(ph, lane, row)) > 0 {
			return &tiling{lane: lane, row: row, outer: without(without(space, lane), row), rows: g.target.lanes(), vectors: 1}
		}
	}
	return nil
}

// longTranspose is the number of operations up to which a block is worth its code,
// which has a copy of them for each row.
const longTranspose = 16

// operations counts what a phase does with the elements that it reads and stores.
func operations(ph *loop.Phase) (n int) {
	phaseExprs(ph, func(e *loop.Expr) {
		if e.Type != dim.Int64 { // no index
			n++
		}
	})
	return n
}

// turned lists the loads of a phase that are neighbours along row and evenly apart
// along lane.
func (g *generator) turned(ph *loop.Phase, lane, row *loop.Axis) []*loop.Expr {
	var list []*loop.Expr
	phaseExprs(ph, func(e *loop.Expr) {
		if e.Op != loop.Load || e.Guard != nil || e.Param.Write || e.Param.DType.Size() != 4 {
			return
		}
		step, even := g.strideOf(e.Param, e.Index, lane).Int()
		whole := g.wholePanels(e.Param, e.Index, lane) && g.wholePanels(e.Param, e.Index, row)
		if even && step > 1 && whole && g.strideOf(e.Param, e.Index, row).Is(1) {
			list = append(list, e)
		}
	})
	return list
}

// wholePanels reports whether a vector along an axis lies within one panel wherever an
// access runs through panels.
func (g *generator) wholePanels(p *loop.Param, index []*loop.Expr, a *loop.Axis) bool {
	for _, t := range g.position(p, index).terms {
		if t.atom == nil || !mentions(t.atom, a) {
			continue
		}
		if w, ok := constIndex(t.atom.Args[len(t.atom.Args)-1]); !ok || w&(w-1) != 0 || w < int64(g.target.lanes()) {
			return false
		}
	}
	return true
}

// transposed emits a tile of a map phase whose rows are as many as a vector has
// lanes, or fewer. It reports whether it could: what a tile lacks in lanes must be
// known.
func (g *generator) transposed(ph *loop.Phase, lane, row *loop.Axis, rows int) bool {
	lanes := g.target.lanes()
	if masks := g.laneMasks(); masks != nil && masks[0].kind != 0 {
		n, known := g.maskLanes[masks[0].reg]
		if !known {
			return false
		}
		lanes = int(n)
	}
	g.blocks = map[*loop.Expr][]operand{}
	for _, e := range g.turned(ph, lane, row) {
		g.blocks[e] = g.readBlock(e, lanes, rows)
	}
	g.mapPoints(ph, rows, 1)
	g.blocks = nil
	return true
}

// readBlock reads a block along its rows, as many vectors as it has lanes, and returns
// the vectors along its lanes, one for each row.
func (g *generator) readBlock(e *loop.Expr, lanes, rows int) []operand {
	p := g.split(g.position(e.Param, e.Index))
	step, _ := p.lane.Int()
	p.lane = dim.Dim{}
	var m operand
	if rows < g.target.lanes() {
		m = g.laneMask(imm(int64(rows)), 0)
	}
	first := p.disp
	var in []operand
	for j := range g.target.lanes() {
		if j >= lanes {
			in = append(in, in[0]) // goes to lanes that are not in use
			continue
		}
		p.disp = first + int64(j)*step
		in = append(in, g.loadVector(e.Param.DType, g.address(e.Param, p, 4), m))
	}
	return g.transpose(in)
}

// transpose turns the rows of a square block into its columns: within the groups of
// four lanes that most instructions stay in, then among these.
func (g *generator) transpose(in []operand) []operand {
	two := func(op string, a, b operand) operand { return g.unary(op, b, a) }
	n := len(in)
	quad := make([]operand, n) // quad[4q+c], group l: column 4l+c of rows 4q to 4q+3
	for q := 0; q < n; q += 4 {
		low, low2 := two("VUNPCKLPS", in[q], in[q+1]), two("VUNPCKLPS", in[q+2], in[q+3])
		quad[q], quad[q+1] = two("VUNPCKLPD", low, low2), two("VUNPCKHPD", low, low2)
		high, high2 := two("VUNPCKHPS", in[q], in[q+1]), two("VUNPCKHPS", in[q+2], in[q+3])
		quad[q+2], quad[q+3] = two("VUNPCKLPD", high, high2), two("VUNPCKHPD", high, high2)
	}
	out := make([]operand, n)
	for c := range 4 {
		if g.target == AVX2 {
			out[c] = g.unary("VPERM2F128", imm(0x20), quad[4+c], quad[c])
			out[4+c] = g.unary("VPERM2F128", imm(0x31), quad[4+c], quad[c])
			continue
		}
		// The even groups of two vectors, and the odd ones.
		even := func(a, b operand) operand { return g.unary("VSHUFF32X4", imm(0x88), b, a) }
		odd := func(a, b operand) operand { return g.unary("VSHUFF32X4", imm(0xdd), b, a) }
		a, b := quad[c], quad[4+c]
		a2, b2 := quad[8+c], quad[12+c]
		e, e2 := even(a, b), even(a2, b2)
		o, o2 := odd(a, b), odd(a2, b2)
		out[c], out[8+c] = even(e, e2), odd(e, e2)
		out[4+c], out[12+c] = even(o, o2), odd(o, o2)
	}
	return out
}

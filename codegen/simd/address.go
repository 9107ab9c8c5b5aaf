package simd

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// place is a position split into what lanes, rows and scalars contribute.
type place struct {
	disp    int64        // constant elements
	rest    dim.Dim      // run-time elements that depend on no axis
	scalars []scalarTerm // everything else that is the same in all lanes
	rowStep dim.Dim      // a run-time distance of rows, times the row's number
	row     int64
	lane    dim.Dim      // elements from lane to lane
	gather  []linearTerm // atoms that differ from lane to lane in other ways
	masks   []operand    // of the vectors, when lanes matter
}

// scalarTerm is coef times a register or a loop's counter.
type scalarTerm struct {
	loop  *scope
	reg   reg
	coef  dim.Dim
	level int
}

// split sorts the terms of a position by what their atoms are bound to.
func (g *generator) split(l linear) place {
	var p place
	p.addRest(l.rest)
	for _, t := range l.terms {
		if t.axis != nil {
			g.splitAxis(&p, g.binding(t.axis), t.coef)
			continue
		}
		if q, ok := g.splitAligned(&p, t); ok {
			p = q
			continue
		}
		d := g.dependence(t.atom)
		if d.lane {
			p.gather = append(p.gather, t)
			p.masks = g.laneMasks()
			continue
		}
		p.scalars = append(p.scalars, scalarTerm{reg: g.integer(t.atom).reg, coef: t.coef, level: max(d.level, g.barrier())})
	}
	return p
}

// addRest adds a dimension to the part that depends on no axis.
func (p *place) addRest(d dim.Dim) {
	for _, t := range d.Terms() {
		if len(t.Atoms) == 0 {
			p.disp += t.Coef
			d = d.Sub(dim.Const(t.Coef))
		}
	}
	p.rest = p.rest.Add(d)
}

func (g *generator) splitAxis(p *place, b binding, coef dim.Dim) {
	if b.loop != nil {
		p.scalars = append(p.scalars, scalarTerm{loop: b.loop, coef: coef, level: slices.Index(g.scopes, b.loop)})
	}
	if b.reg != 0 {
		p.scalars = append(p.scalars, scalarTerm{reg: b.reg, coef: coef, level: max(b.at, g.barrier())})
	}
	off := b.off
	if b.lane {
		off += int64(g.v * g.target.lanes())
		p.lane = p.lane.Add(coef)
		p.masks = b.masks
	}
	p.addRest(coef.Mul(dim.Const(off)))
	row := g.rowOf(b)
	if row == 0 {
		return
	}
	if n, ok := coef.Int(); ok {
		p.disp += n * row
		return
	}
	p.rowStep, p.row = p.rowStep.Add(coef), row
}

// splitAligned handles floor(x / w) and x mod w of the lane axis x for a power of
// two w, where a vector never crosses a multiple of w.
func (g *generator) splitAligned(p *place, t linearTerm) (place, bool) {
	e := t.atom
	if e.Op != loop.FloorDiv && e.Op != loop.Mod || e.Args[0].Op != loop.AxisVar {
		return *p, false
	}
	w, ok := constIndex(e.Args[1])
	b := g.binding(e.Args[0].Axis)
	if ok && b.row && g.rowAlign > 0 && w&(w-1) == 0 && w%g.rowAlign == 0 && b.loop == nil && b.off == 0 {
		return g.splitRow(p, t, b, w), true
	}
	if !ok || !b.lane || w < int64(g.target.lanes()) || w&(w-1) != 0 {
		return *p, false
	}
	if off := b.off + int64(g.v*g.target.lanes()); b.loop == nil && g.laneAlign > 0 &&
		(g.laneAlign%w == 0 || w%g.laneAlign == 0 && off < g.laneAlign) {
		return g.splitLane(p, t, b, w, off), true
	}
	key := fmt.Sprintf("aligned %d %d %d", g.id(e), b.reg, b.off)
	d := dependence{level: b.level, lane: true}
	q := g.once(valueKey{text: key, v: g.v}, d, func() operand {
		r := g.newReg(gp)
		g.emit("MOVQ", g.axisValue(b, int64(g.v*g.target.lanes())), r.op())
		if e.Op == loop.FloorDiv {
			g.emitFlow(update, "SHRQ", imm(log2(w)), r.op())
		} else {
			g.emitFlow(update, "ANDQ", imm(w-1), r.op())
		}
		return r.op()
	})
	p.scalars = append(p.scalars, scalarTerm{reg: q.reg, coef: t.coef, level: max(b.level, g.barrier())})
	if e.Op == loop.Mod {
		p.lane = p.lane.Add(t.coef)
	}
	p.masks = b.masks
	return *p, true
}

// splitRow handles floor(x / w) and x mod w of the row axis x, where a tile's rows
// never cross a multiple of w.
func (g *generator) splitRow(p *place, t linearTerm, b binding, w int64) place {
	key := fmt.Sprintf("row %d %d", g.id(t.atom), b.reg)
	q := g.once(valueKey{text: key}, dependence{level: b.at}, func() operand {
		r := g.newReg(gp)
		if b.reg == 0 {
			g.emit("MOVQ", imm(0), r.op())
			return r.op()
		}
		g.emit("MOVQ", b.reg.op(), r.op())
		if t.atom.Op == loop.FloorDiv {
			g.emitFlow(update, "SHRQ", imm(log2(w)), r.op())
		} else {
			g.emitFlow(update, "ANDQ", imm(w-1), r.op())
		}
		return r.op()
	})
	p.scalars = append(p.scalars, scalarTerm{reg: q.reg, coef: t.coef, level: max(b.at, g.barrier())})
	if t.atom.Op == loop.Mod && g.r > 0 {
		p.addRest(t.coef.Mul(dim.Const(int64(g.r))))
	}
	return *p
}

// splitLane handles floor(x / w) and x mod w of the lane axis x at off lanes behind
// the start of a tile, which is a multiple of laneAlign.
func (g *generator) splitLane(p *place, t linearTerm, b binding, w, off int64) place {
	p.masks = b.masks
	if t.atom.Op == loop.Mod {
		p.lane = p.lane.Add(t.coef)
	}
	if b.reg != 0 && (t.atom.Op == loop.FloorDiv || g.laneAlign%w != 0) {
		q := g.once(valueKey{text: fmt.Sprintf("lane %d %d", g.id(t.atom), b.reg)}, dependence{level: b.at}, func() operand {
			r := g.newReg(gp)
			g.emit("MOVQ", b.reg.op(), r.op())
			if t.atom.Op == loop.FloorDiv {
				g.emitFlow(update, "SHRQ", imm(log2(w)), r.op())
			} else {
				g.emitFlow(update, "ANDQ", imm(w-1), r.op())
			}
			return r.op()
		})
		p.scalars = append(p.scalars, scalarTerm{reg: q.reg, coef: t.coef, level: max(b.at, g.barrier())})
	}
	if t.atom.Op == loop.FloorDiv {
		off /= w
	} else {
		off %= w
	}
	p.addRest(t.coef.Mul(dim.Const(off)))
	return *p
}

func log2(n int64) int64 {
	k := int64(0)
	for 1<<k < n {
		k++
	}
	return k
}

// laneMasks returns the masks of the lane axis in force.
func (g *generator) laneMasks() []operand {
	for i := len(g.scopes) - 1; i >= 0; i-- {
		for _, b := range g.scopes[i].bind {
			if b.lane {
				return b.masks
			}
		}
	}
	return nil
}

// address returns the memory operand of an element of p for size bytes a piece.
func (g *generator) address(param *loop.Param, p place, size int64) operand {
	if far := p.disp * size; far >= 1<<30 || far < -1<<30 { // an instruction has 32 bits for it
		p.rest, p.disp = p.rest.Add(dim.Const(p.disp)), 0
	}
	o := at(g.pointer(param, p.scalars, p.rest, size), p.disp*size)
	if p.row != 0 {
		odd, scale := p.row, int64(1)
		for odd%2 == 0 && scale < 8 {
			odd, scale = odd/2, scale*2
		}
		step := g.dimension(p.rowStep.Mul(dim.Const(odd * size)))
		o.index, o.scale = g.inRegister(step).reg, uint8(scale)
	}
	return o
}

// pointer returns a register with the address of the scalars' element, or their
// sum when param is nil. Counters of loops become pointers that the loop advances.
func (g *generator) pointer(param *loop.Param, terms []scalarTerm, rest dim.Dim, size int64) reg {
	name := ""
	if param != nil {
		name = param.Name
	}
	if len(terms) == 0 {
		if rest.Is(0) && param != nil {
			return g.argument("p " + name).reg
		}
		key := valueKey{text: "pointer " + name + " " + rest.String()}
		return g.once(key, dependence{}, func() operand {
			r := g.newReg(gp)
			if param == nil {
				g.emit("MOVQ", g.dimension(rest), r.op())
				return r.op()
			}
			g.emit("MOVQ", g.argument("p "+name), r.op())
			if far, ok := rest.Mul(dim.Const(size)).Int(); ok {
				g.addImmediate(far, r)
			} else {
				g.emitFlow(update, "ADDQ", g.dimension(rest.Mul(dim.Const(size))), r.op())
			}
			return r.op()
		}).reg
	}
	sorted := sortedTerms(terms)
	key := append(make([]byte, 0, 96), "pointer "...)
	key = append(append(append(key, name...), ' '), rest.String()...)
	for _, t := range sorted {
		if t.loop != nil {
			key = strconv.AppendInt(append(key, " loop"...), int64(g.id(t.loop)), 10)
		} else {
			key = strconv.AppendInt(append(key, " r"...), int64(t.reg), 10)
		}
		key = append(append(key, '*'), t.coef.String()...)
	}
	last := sorted[len(sorted)-1]
	return g.once(valueKey{text: string(key)}, dependence{level: last.level}, func() operand {
		outer := g.pointer(param, sorted[:len(sorted)-1], rest, size)
		step := last.coef.Mul(dim.Const(size))
		switch {
		case last.loop == nil:
			return g.addScaled(outer, last.reg, step).op()
		case last.level < g.barrier(): // the pointer may be needed only at times
			return g.addScaled(outer, g.axisValue(binding{loop: last.loop}, 0).reg, step).op()
		}
		return g.advancing(last.loop, step, outer.op()).op()
	}).reg
}

// sortedTerms puts outer levels first and, of one level, its counter first: what
// a loop advances must not need what its body computes.
func sortedTerms(terms []scalarTerm) []scalarTerm {
	out := make([]scalarTerm, 0, len(terms))
	for _, t := range terms {
		i := slices.IndexFunc(out, func(u scalarTerm) bool { return t.loop != nil && u.loop == t.loop })
		if i >= 0 {
			out[i].coef = out[i].coef.Add(t.coef)
			continue
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(x, y scalarTerm) int {
		if x.level == y.level && (x.loop == nil) != (y.loop == nil) {
			if x.loop != nil {
				return -1
			}
			return 1
		}
		return x.level - y.level
	})
	return out
}

// advancing returns a register that starts as from when the loop is entered and
// grows by coef for each step of its axis.
func (g *generator) advancing(s *scope, coef dim.Dim, from operand) reg {
	n := slices.Index(g.scopes, s)
	old := g.level
	g.level = n - 1
	r := g.newReg(gp)
	g.emit("MOVQ", from, r.op())
	step := g.dimension(coef.Mul(dim.Const(s.step)))
	if step.kind == immOperand && step.imm != int64(int32(step.imm)) {
		step = g.inRegister(step)
	}
	g.level = old
	s.after = append(s.after, inst{op: "ADDQ", a: []operand{step, r.op()}, flow: update})
	return r
}

// addScaled returns outer + x*coef.
func (g *generator) addScaled(outer, x reg, coef dim.Dim) reg {
	r := g.newReg(gp)
	n, ok := coef.Int()
	switch {
	case ok && (n == 1 || n == 2 || n == 4 || n == 8):
		g.emit("LEAQ", operand{kind: memOperand, base: outer, index: x, scale: uint8(n)}, r.op())
		return r
	case ok:
		g.emit("MOVQ", x.op(), r.op())
		g.scale(r, n)
	default:
		g.emit("MOVQ", x.op(), r.op())
		g.emitFlow(update, "IMULQ", g.dimension(coef), r.op())
	}
	g.emitFlow(update, "ADDQ", outer.op(), r.op())
	return r
}

// axisValue returns the scalar value of a bound axis plus more, as an operand.
func (g *generator) axisValue(b binding, more int64) operand {
	more += b.off
	more += g.rowOf(b)
	if b.loop == nil && b.reg == 0 {
		return imm(more)
	}
	var base reg
	if b.loop != nil {
		from := imm(0)
		if b.reg != 0 {
			from = b.reg.op()
		}
		key := valueKey{text: fmt.Sprintf("counter %d %d", g.id(b.loop), b.reg)}
		base = g.once(key, dependence{level: slices.Index(g.scopes, b.loop)}, func() operand {
			return g.advancing(b.loop, dim.Const(1), from).op()
		}).reg
	} else {
		base = b.reg
	}
	if more == 0 {
		return base.op()
	}
	r := g.newReg(gp)
	g.emit("LEAQ", at(base, more), r.op())
	return r.op()
}

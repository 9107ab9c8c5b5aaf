package simd

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// prepared is a kernel with rewritten expressions and merged axes.
type prepared struct {
	space  []*loop.Axis
	phases []*loop.Phase
}

// prepare expands, interns and merges what can be merged. A copy is changed;
// the kernel stays as it is.
func (g *generator) prepare(k *loop.Kernel) *prepared {
	p := &prepared{space: slices.Clone(k.Space)}
	for _, ph := range k.Phases {
		p.phases = append(p.phases, g.rw.phase(ph, slices.Clone(ph.Axes)))
	}
	if len(p.phases) == 1 && p.phases[0].Kind == loop.Map {
		ph := p.phases[0]
		p.space, ph.Axes = g.splitPoints(append(p.space, ph.Axes...), ph), nil
	}
	for _, ph := range p.phases {
		if ph.Kind == loop.Contract || ph.Kind == loop.Reduce && ph.Order == loop.Serial {
			g.splitSummed(ph)
		}
	}
	g.flatten(p.phases)
	for _, ph := range p.phases {
		if ph.Kind == loop.ScatterAdd || ph.Kind == loop.Sort || ph.Kind == loop.Sequence || len(ph.Axes) == 0 {
			continue
		}
		last := ph.Axes[len(ph.Axes)-1]
		ph.Axes = g.mergeAxes(ph.Axes, []*loop.Phase{ph})
		if ph.Kind == loop.Reduce && len(ph.Axes) == 0 {
			ph.Axes = []*loop.Axis{last} // of extent one
		}
	}
	g.shareAxes(p)
	p.space = g.mergeAxes(p.space, p.phases)
	return p
}

// mergeAxes joins neighbours that every access walks as one. Phases are changed in place.
func (g *generator) mergeAxes(axes []*loop.Axis, phases []*loop.Phase) []*loop.Axis {
	axes = slices.DeleteFunc(slices.Clone(axes), func(a *loop.Axis) bool { return a.Extent.Is(1) })
	for i := len(axes) - 2; i >= 0; i-- {
		outer, inner := axes[i], axes[i+1]
		if !g.mergeable(outer, inner, phases) {
			continue
		}
		one := &loop.Axis{Name: outer.Name + inner.Name, Extent: outer.Extent.Mul(inner.Extent)}
		g.rw.replace(outer, &loop.Expr{Op: loop.Const, Type: dim.Int64})
		g.rw.replace(inner, &loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: one})
		for _, ph := range phases {
			*ph = *g.rw.phase(ph, ph.Axes)
		}
		g.rw.release(outer, inner) // another phase may have the same axes
		axes[i] = one
		axes = slices.Delete(axes, i+1, i+2)
	}
	return axes
}

// mergeable reports whether all uses of two axes are integers in which a step of
// the outer one equals the whole of the inner one.
func (g *generator) mergeable(outer, inner *loop.Axis, phases []*loop.Phase) bool {
	even := func(l linear) bool { return l.coef(outer).Equal(l.coef(inner).Mul(inner.Extent)) }
	ok := true
	for _, ph := range phases {
		accesses(ph, func(p *loop.Param, index []*loop.Expr, _ bool) {
			l := g.position(p, index)
			ok = ok && even(l)
			for _, t := range l.terms {
				if t.atom != nil && (mentions(t.atom, outer) || mentions(t.atom, inner)) {
					ok = false
				}
			}
		})
		integersInValues(ph, func(x *loop.Expr) {
			l := linearOf(x)
			ok = ok && even(l)
			for _, t := range l.terms { // a product of axes
				if t.atom != nil && t.atom.Op == loop.Mul && (mentions(t.atom, outer) || mentions(t.atom, inner)) {
					ok = false
				}
			}
		})
	}
	return ok
}

// integersInValues calls f for every whole integer expression of a phase that is
// no position: what is compared, converted or divided.
func integersInValues(ph *loop.Phase, f func(x *loop.Expr)) {
	seen := map[*loop.Expr]bool{}
	var visit func(e *loop.Expr)
	visit = func(e *loop.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		if e.Op == loop.AxisVar {
			return
		}
		sum := e.Type == dim.Int64 && (e.Op == loop.Add || e.Op == loop.Sub || e.Op == loop.Neg || e.Op == loop.Mul)
		for _, a := range e.Args {
			if a.Type == dim.Int64 && !sum {
				f(a)
			}
			visit(a)
		}
		visit(e.Guard)
	}
	values := func(es ...*loop.Expr) {
		for _, e := range es {
			if e != nil && e.Type == dim.Int64 {
				f(e)
			}
			visit(e)
		}
	}
	values(ph.A, ph.B)
	for _, r := range ph.Reducers {
		values(r.Value)
	}
	for _, s := range ph.Stores {
		values(s.Value, s.If)
	}
	for _, c := range ph.Carries {
		values(c.Init, c.Next)
	}
}

func mentions(e *loop.Expr, a *loop.Axis) bool {
	found := false
	walk(e, map[*loop.Expr]bool{}, func(x *loop.Expr) { found = found || x.Op == loop.AxisVar && x.Axis == a })
	return found
}

// shareAxes gives phases with one axis of the same extent one axis, so that a
// value which two phases need at a point is one expression.
func (g *generator) shareAxes(p *prepared) {
	var first *loop.Axis
	for _, ph := range p.phases {
		if len(ph.Axes) != 1 {
			continue
		}
		a := ph.Axes[0]
		if first == nil {
			first = a
		}
		if a == first || !a.Extent.Equal(first.Extent) {
			continue
		}
		g.rw.replace(a, &loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: first})
		*ph = *g.rw.phase(ph, []*loop.Axis{first})
		g.rw.release(a)
	}
}

// strides sums up how the accesses of phases walk along an axis.
type strides struct {
	unit, zero, other int
	storeUnit         int
	storeOther        int
}

func (g *generator) stridesOf(a *loop.Axis, phases []*loop.Phase) strides {
	var s strides
	for _, ph := range phases {
		accesses(ph, func(p *loop.Param, index []*loop.Expr, write bool) {
			c := g.strideOf(p, index, a)
			switch {
			case c.Is(1) && write:
				s.unit++
				s.storeUnit++
			case c.Is(1):
				s.unit++
			case c.Is(0):
				s.zero++
			case write:
				s.other++
				s.storeOther++
			default:
				s.other++
			}
		})
	}
	return s
}

// unevenStride stands for a distance that is not the same everywhere.
const unevenStride = -7

// strideOf is the distance in elements of an access between neighbours along an axis,
// within a panel where it runs through panels.
func (g *generator) strideOf(p *loop.Param, index []*loop.Expr, a *loop.Axis) dim.Dim {
	l := g.position(p, index)
	c := l.coef(a)
	for _, t := range l.terms {
		if t.atom == nil || !mentions(t.atom, a) {
			continue
		}
		if t.atom.Op == loop.Mod && t.atom.Args[0].Op == loop.AxisVar && c.Is(0) {
			c = t.coef
		} else if t.atom.Op != loop.FloorDiv || t.atom.Args[0].Op != loop.AxisVar {
			c = dim.Const(unevenStride)
		}
	}
	return c
}

// laneAxis picks the axis that runs along the lanes, the one with the least
// estimated work for a point; nil when there is none. Accesses with gaps are slow,
// and so are vectors that are mostly empty. Of equals the last wins.
func (g *generator) laneAxis(axes []*loop.Axis, phases []*loop.Phase) *loop.Axis {
	operations := 0
	for _, ph := range phases {
		operations += exprCount(ph)
	}
	var best *loop.Axis
	least := 0.0
	for _, a := range axes {
		s := g.stridesOf(a, phases)
		cost := float64(operations+2*s.unit+s.zero+12*s.other+12*s.storeOther) / g.fullness(a)
		if best == nil || cost <= least {
			best, least = a, cost
		}
	}
	return best
}

// fullness is the share of lanes in use along an axis.
func (g *generator) fullness(a *loop.Axis) float64 {
	n, ok := a.Extent.Int()
	if !ok {
		return 1
	}
	w := int64(g.target.lanes())
	return float64(max(n, 1)) / float64((max(n, 1)+w-1)/w*w)
}

package simd

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// panelWidth is the width of the panels that axis a runs through in the accesses
// of phases, 0 when there are none, they differ, or the last one is not full.
func panelWidth(a *loop.Axis, phases []*loop.Phase) int64 {
	width := int64(0)
	for _, ph := range phases {
		accesses(ph, func(p *loop.Param, index []*loop.Expr, _ bool) {
			if p.Layout == nil || index[p.Layout.Lane].Op != loop.AxisVar || index[p.Layout.Lane].Axis != a {
				return
			}
			w := int64(p.Layout.Width)
			if width != 0 && width != w {
				w = -1
			}
			width = w
		})
	}
	if n, ok := a.Extent.Int(); width <= 0 || ok && n <= width || !multiple(a.Extent, width) {
		return 0
	}
	return width
}

// multiple reports whether an extent is one of n whatever its sizes are.
func multiple(extent dim.Dim, n int64) bool {
	return !slices.ContainsFunc(extent.Terms(), func(t dim.Factor) bool { return t.Coef%n != 0 })
}

// splitPanel replaces an axis by the panel and the place in it.
func (g *generator) splitPanel(a *loop.Axis, width int64, phases []*loop.Phase) (panel, inside *loop.Axis) {
	panel = &loop.Axis{Name: a.Name + "Panel", Extent: a.Extent.FloorDiv(dim.Const(width))}
	inside = &loop.Axis{Name: a.Name, Extent: dim.Const(width)}
	g.rw.replace(a, g.blockPosition(panel, inside, width))
	for _, ph := range phases {
		*ph = *g.rw.phase(ph, ph.Axes)
	}
	g.rw.release(a)
	return panel, inside
}

// splitSummed splits the axes of a sum that run through panels: in each panel the
// elements are side by side. The order stays.
func (g *generator) splitSummed(ph *loop.Phase) {
	for i := 0; i < len(ph.Axes); i++ {
		if w := panelWidth(ph.Axes[i], []*loop.Phase{ph}); w > 0 {
			panel, inside := g.splitPanel(ph.Axes[i], w, []*loop.Phase{ph})
			ph.Axes = slices.Replace(ph.Axes, i, i+1, panel, inside)
			i++
		}
	}
}

// splitPoints orders the points of an elementwise phase as its results lie in
// memory: panels first, the place in a panel last.
func (g *generator) splitPoints(axes []*loop.Axis, ph *loop.Phase) []*loop.Axis {
	for _, s := range ph.Stores {
		if s.Param.Layout == nil || s.Index[s.Param.Layout.Lane].Op != loop.AxisVar {
			continue
		}
		a := s.Index[s.Param.Layout.Lane].Axis
		i := slices.Index(axes, a)
		if i < 0 {
			continue
		}
		n, known := a.Extent.Int()
		if w := panelWidth(a, []*loop.Phase{ph}); w > 0 {
			panel, inside := g.splitPanel(a, w, []*loop.Phase{ph})
			return append(append([]*loop.Axis{panel}, slices.Delete(slices.Clone(axes), i, i+1)...), inside)
		}
		if known && n == int64(s.Param.Layout.Width) {
			return append(slices.Delete(slices.Clone(axes), i, i+1), a)
		}
		return axes
	}
	return axes
}

// panelParts splits an index into panel and place where it is a multiple of the
// width plus something below it.
func panelParts(index *loop.Expr, w int64) (panel, inside linear, ok bool) {
	l := linearOf(index)
	most := int64(0)
	rest, ok := l.rest.Int()
	if !ok || rest < 0 {
		return panel, inside, false
	}
	panel.rest, inside.rest = dim.Const(rest/w), dim.Const(rest%w)
	most = rest % w
	for _, t := range l.terms {
		c, known := t.coef.Int()
		if !known || c < 0 || t.axis == nil {
			return panel, inside, false
		}
		if c%w == 0 {
			panel.terms = append(panel.terms, linearTerm{axis: t.axis, coef: dim.Const(c / w)})
			continue
		}
		n, known := t.axis.Extent.Int()
		if !known {
			return panel, inside, false
		}
		most += c * (n - 1)
		inside.terms = append(inside.terms, t)
	}
	return panel, inside, most < w
}

// flatten turns accesses to panels whose place is a sum of axes into accesses to
// plain memory, so that axes can be joined.
func (g *generator) flatten(phases []*loop.Phase) {
	flat := map[*loop.Param]*loop.Param{}
	g.rw.place = func(p *loop.Param, index []*loop.Expr) (*loop.Param, []*loop.Expr) {
		if p.Layout == nil {
			return p, index
		}
		l := g.position(p, index)
		if slices.ContainsFunc(l.terms, func(t linearTerm) bool { return t.atom != nil }) {
			return p, index
		}
		if flat[p] == nil {
			q := *p
			q.Layout, q.Shape = nil, []dim.Dim{loop.PhysicalSize(p.Shape, p.Layout)}
			flat[p] = &q
			g.written[&q] = g.written[p]
		}
		return flat[p], []*loop.Expr{g.rw.linearExpr(l)}
	}
	g.rw.done = map[*loop.Expr]*loop.Expr{}
	for _, ph := range phases {
		*ph = *g.rw.phase(ph, ph.Axes)
	}
	g.rw.place = nil
	g.rw.done = map[*loop.Expr]*loop.Expr{}
}

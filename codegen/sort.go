package codegen

import (
	"github.com/mlc-go/mlc/compiler/loop"
)

// sort orders an axis. The items lie in scratch memory of the runtime, which
// keeps it for the next sort.
func (p *printer) sort(ph *loop.Phase) {
	s := ph.Sort
	size := p.dim(ph.Axes[0].Extent)
	typ := goType(s.Value.Type, false)
	items := p.here("items", call(rt("NewSorter<"+typ+">"), size))
	p.loopRow(ph.Axes[0], num(0), size, func() {
		v := p.typed(s.Value, false, p.value(s.Value, false))
		p.out().do(call(dot(items, "Set"), p.axes[ph.Axes[0]](), v))
	})
	desc := id("false")
	if s.Descending {
		desc = id("true")
	}
	p.out().do(call(dot(items, "Sort"), desc))
	p.loopRow(ph.Axes[0], num(0), p.dim(s.Keep), func() {
		p.levels = map[*loop.Expr]int{}
		if s.Values != nil {
			p.out().set(p.element(s.Values.Param, s.Values.Index), call(dot(items, "Value"), p.axes[ph.Axes[0]]()))
		}
		if s.Positions != nil {
			p.out().set(p.element(s.Positions.Param, s.Positions.Index), call(dot(items, "Position"), p.axes[ph.Axes[0]]()))
		}
	})
	p.out().do(call(dot(items, "Close")))
}

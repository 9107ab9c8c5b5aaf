package simd

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// span is a range of integers, both ends in it.
type span struct{ low, high int64 }

// unbounded stands for an end that is not known.
const unbounded = int64(1) << 40

// axisSpan is the range of a bound axis at the present row and vector.
func (g *generator) axisSpan(a *loop.Axis) span {
	b := g.axisBinding(a)
	if b == nil {
		return span{}
	}
	most := unbounded
	if n, ok := a.Extent.Int(); ok {
		most = max(n-1, 0)
	}
	var s span
	switch {
	case b.within != nil:
		s = *b.within
	case b.loop == nil && b.reg == 0:
		s = span{b.off, b.off}
	default:
		return span{0, most}
	}
	s.low, s.high = s.low+g.rowOf(*b), s.high+g.rowOf(*b)
	if b.lane {
		s.low += int64(g.v * g.target.lanes())
		s.high += int64((g.v+1)*g.target.lanes() - 1)
	}
	return span{s.low, min(s.high, most)}
}

// spanOf is the range of a sum.
func (g *generator) spanOf(l linear) (s span, ok bool) {
	rest, ok := l.rest.Int()
	if !ok {
		return s, false
	}
	s = span{rest, rest}
	for _, t := range l.terms {
		c, known := t.coef.Int()
		if !known {
			return s, false
		}
		var x span
		if t.axis != nil {
			x = g.axisSpan(t.axis)
		} else if x, ok = g.atomSpan(t.atom); !ok {
			return s, false
		}
		if c < 0 {
			x.low, x.high = x.high, x.low
		}
		s.low, s.high = s.low+c*x.low, s.high+c*x.high
	}
	return s, true
}

// atomSpan is the range of a quotient or remainder.
func (g *generator) atomSpan(e *loop.Expr) (s span, ok bool) {
	if e.Op != loop.FloorDiv && e.Op != loop.Mod {
		return s, false
	}
	n, known := constIndex(e.Args[1])
	x, ok := g.spanOf(linearOf(e.Args[0]))
	if !known || n <= 0 || !ok {
		return s, false
	}
	if e.Op == loop.FloorDiv {
		return span{floorDiv(x.low, n), floorDiv(x.high, n)}, true
	}
	if x.low == x.high {
		r := x.low - floorDiv(x.low, n)*n
		return span{r, r}, true
	}
	return span{0, n - 1}, true
}

// decided returns what is left of a condition at the present point: parts that
// the ranges of axes decide are gone.
func (g *generator) decided(e *loop.Expr) *loop.Expr {
	if v, ok := g.assumed[e]; ok {
		return g.truth(v)
	}
	switch e.Op {
	case loop.And:
		if e.Type != dim.Bool {
			return e
		}
		x, y := g.decided(e.Args[0]), g.decided(e.Args[1])
		switch {
		case isConst(x, 0), isConst(y, 1):
			return x
		case isConst(y, 0), isConst(x, 1):
			return y
		case x == e.Args[0] && y == e.Args[1]:
			return e
		}
		return g.rw.intern(&loop.Expr{Op: loop.And, Type: dim.Bool, Args: []*loop.Expr{x, y}})
	case loop.Lt, loop.Le, loop.Eq:
		if e.Args[0].Type != dim.Int64 {
			return e
		}
		s, ok := g.spanOf(linearOf(e.Args[0]).plus(linearOf(e.Args[1]).times(dim.Const(-1))))
		switch {
		case !ok:
		case e.Op == loop.Lt && s.high < 0, e.Op == loop.Le && s.high <= 0, e.Op == loop.Eq && s.low == 0 && s.high == 0:
			return g.truth(true)
		case e.Op == loop.Lt && s.low >= 0, e.Op == loop.Le && s.low > 0, e.Op == loop.Eq && (s.low > 0 || s.high < 0):
			return g.truth(false)
		}
	}
	return e
}

func isConst(e *loop.Expr, bits uint64) bool { return e.Op == loop.Const && e.Bits == bits }

func (g *generator) truth(v bool) *loop.Expr {
	e := &loop.Expr{Op: loop.Const, Type: dim.Bool}
	if v {
		e.Bits = 1
	}
	return g.rw.intern(e)
}

// unguarded returns a load with what is left of its guard, or what stands for it.
func (g *generator) unguarded(e *loop.Expr) *loop.Expr {
	if e.Op != loop.Load || e.Guard == nil {
		return e
	}
	c := g.decided(e.Guard)
	switch {
	case c == e.Guard:
		return e
	case isConst(c, 0):
		return e.Args[0]
	}
	load := *e
	load.Guard = c
	if isConst(c, 1) {
		load.Guard, load.Args = nil, nil
	}
	return g.rw.intern(&load)
}

// conjuncts lists the parts of a condition that must all hold.
func conjuncts(e *loop.Expr) []*loop.Expr {
	if e.Op == loop.And {
		return append(conjuncts(e.Args[0]), conjuncts(e.Args[1])...)
	}
	return []*loop.Expr{e}
}

// openGuard returns the guard of an operand of a contraction and what is not
// decided of it, nil when nothing is. Axes that no scope binds yet are open.
func (g *generator) openGuard(ph *loop.Phase, axes []*loop.Axis) (guard *loop.Expr, open []*loop.Expr) {
	for _, x := range []*loop.Expr{ph.A, ph.B} {
		if x == nil || x.Op != loop.Load || x.Guard == nil {
			continue
		}
		if _, known := g.assumed[x.Guard]; known {
			continue
		}
		guard = x.Guard
	}
	if guard == nil {
		return nil, nil
	}
	for _, c := range conjuncts(guard) {
		if slices.ContainsFunc(axes, func(a *loop.Axis) bool { return mentions(c, a) }) {
			open = append(open, c)
			continue
		}
		if d := g.decided(c); d.Op != loop.Const {
			open = append(open, c)
		}
	}
	return guard, open
}

// uniform returns the parts of a guard that are the same at all points of the
// tile and do not depend on axes that are still to come.
func (g *generator) uniform(parts []*loop.Expr, axes []*loop.Axis) []*loop.Expr {
	return slices.DeleteFunc(slices.Clone(parts), func(c *loop.Expr) bool {
		if slices.ContainsFunc(axes, func(a *loop.Axis) bool { return mentions(c, a) }) {
			return true
		}
		d := g.dependence(c)
		return d.row || d.inner || d.lane || d.volatile
	})
}

// unrolls reports whether each step of the first of axes gets code of its own,
// because what is open then is decided for most rows and vectors.
func (g *generator) unrolls(ph *loop.Phase, axes []*loop.Axis) bool {
	n, known := axes[0].Extent.Int()
	if !known || n > 7 {
		return false
	}
	_, open := g.openGuard(ph, axes)
	for _, c := range open {
		if !mentions(c, axes[0]) {
			continue
		}
		varies := false
		walk(c, map[*loop.Expr]bool{}, func(x *loop.Expr) {
			if x.Op != loop.AxisVar || slices.Contains(axes, x.Axis) {
				return
			}
			b := g.axisBinding(x.Axis)
			varies = varies || b != nil && (b.row || b.inner || b.lane)
		})
		if varies {
			return true
		}
	}
	return false
}

// branch emits f twice where parts of the guard are the same for the whole tile:
// for the case that they hold, and for the case that the operand is a constant.
func (g *generator) branch(guard *loop.Expr, parts []*loop.Expr, f func()) {
	all := parts[0]
	for _, c := range parts[1:] {
		all = g.rw.intern(&loop.Expr{Op: loop.And, Type: dim.Bool, Args: []*loop.Expr{all, c}})
	}
	key := valueKey{e: all, text: "bits"}
	bits := g.once(key, g.dependence(all), func() operand {
		r := g.newReg(gp)
		g.emit(map[Target]string{AVX512: "KMOVW", AVX2: "VMOVMSKPS"}[g.target], g.eval(all), r.op())
		return r.op()
	})
	outside, done := g.newLabel("outside"), g.newLabel("inside")
	g.emitFlow(effect, "TESTL", bits, bits)
	g.jump("JEQ", outside)
	old := g.assumed
	assume := func(v bool, es ...*loop.Expr) {
		g.assumed = map[*loop.Expr]bool{}
		for e, was := range old {
			g.assumed[e] = was
		}
		for _, e := range es {
			g.assumed[e] = v
		}
	}
	assume(true, parts...)
	g.region(nil, f)
	g.jump("JMP", done)
	g.label(outside)
	assume(false, guard)
	g.region(nil, f)
	g.label(done)
	g.assumed = old
}

// window runs inner inside loops over all but the last rest of a phase's axes.
func (g *generator) window(ph *loop.Phase, axes []*loop.Axis, rest int, inner func(axes []*loop.Axis)) {
	if guard, open := g.openGuard(ph, axes); guard != nil {
		if parts := g.uniform(open, axes); len(parts) > 0 {
			g.branch(guard, parts, func() { g.window(ph, axes, rest, inner) })
			return
		}
	}
	if len(axes) <= rest {
		inner(axes)
		return
	}
	if g.unrolls(ph, axes) {
		n, _ := axes[0].Extent.Int()
		for i := range n {
			g.block(map[*loop.Axis]binding{axes[0]: {off: i}}, func() { g.window(ph, axes[1:], rest, inner) })
		}
		return
	}
	g.repeat(axes[0], binding{}, g.dimension(axes[0].Extent), 1, func() { g.window(ph, axes[1:], rest, inner) })
}

// inRange cuts n steps of an axis into those for which the guard is decided, in
// the middle, and the few before and after them.
func (g *generator) inRange(ph *loop.Phase, axis *loop.Axis, n int64) (from, to int64) {
	_, open := g.openGuard(ph, []*loop.Axis{axis})
	open = slices.DeleteFunc(open, func(c *loop.Expr) bool { return !mentions(c, axis) })
	if len(open) == 0 {
		return 0, n
	}
	holds := func(at int64) bool {
		ok := true
		g.push(&scope{bind: map[*loop.Axis]binding{axis: {off: at}}})
		g.levelBindings()
		for _, c := range open {
			ok = ok && isConst(g.decided(c), 1)
		}
		g.pop(nil, nil)
		return ok
	}
	for from < n && from < mostPeeled && !holds(from) {
		from++
	}
	to = n
	for to > from && n-to < mostPeeled && !holds(to-1) {
		to--
	}
	if from == mostPeeled && !holds(from) || n-to == mostPeeled || from >= to {
		return 0, n
	}
	return from, to
}

// mostPeeled is the largest number of steps at an end of a loop that get code of
// their own.
const mostPeeled = 3

package loop

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
)

// affine is a sum of atoms times dimensions plus a dimension. An atom is an
// int64 expression that is no sum: an axis, a quotient, a remainder, a load.
type affine struct {
	terms []affineTerm // in order of first appearance; no zero coefficient
	rest  dim.Dim
}

type affineTerm struct {
	atom *Expr
	coef dim.Dim
}

func (a affine) scale(d dim.Dim) affine {
	out := affine{rest: a.rest.Mul(d)}
	if d.Is(0) {
		return out
	}
	for _, t := range a.terms {
		out.terms = append(out.terms, affineTerm{t.atom, t.coef.Mul(d)})
	}
	return out
}

func (a affine) plus(c affine) affine {
	out := affine{terms: slices.Clone(a.terms), rest: a.rest.Add(c.rest)}
	for _, t := range c.terms {
		i := slices.IndexFunc(out.terms, func(u affineTerm) bool { return u.atom == t.atom })
		if i < 0 {
			out.terms = append(out.terms, t)
			continue
		}
		out.terms[i].coef = out.terms[i].coef.Add(t.coef)
		if out.terms[i].coef.Is(0) {
			out.terms = slices.Delete(out.terms, i, i+1)
		}
	}
	return out
}

// affineOf splits an int64 expression that this builder made.
func (b *Builder) affineOf(e *Expr) affine {
	if n, ok := e.IntValue(); ok {
		return affine{rest: dim.Const(n)}
	}
	if e.Op == DimVar {
		return affine{rest: e.Dim}
	}
	if a, ok := b.linear[e]; ok {
		return a
	}
	return affine{terms: []affineTerm{{e, dim.Const(1)}}}
}

// rebuild gives the one expression of an affine form: terms in order of the
// atoms' numbers, so that equal sums are equal pointers.
func (b *Builder) rebuild(a affine) *Expr {
	if len(a.terms) == 0 {
		return b.Dim(a.rest)
	}
	for _, t := range a.terms {
		b.id(t.atom)
	}
	slices.SortFunc(a.terms, func(x, y affineTerm) int { return b.ids[x.atom] - b.ids[y.atom] })
	var sum *Expr
	for _, t := range a.terms {
		e := t.atom
		if !t.coef.Is(1) {
			e = b.intern(&Expr{Op: Mul, Type: dim.Int64, Args: []*Expr{e, b.Dim(t.coef)}})
		}
		if sum == nil {
			sum = e
		} else {
			sum = b.intern(&Expr{Op: Add, Type: dim.Int64, Args: []*Expr{sum, e}})
		}
	}
	if !a.rest.Is(0) {
		sum = b.intern(&Expr{Op: Add, Type: dim.Int64, Args: []*Expr{sum, b.Dim(a.rest)}})
	}
	if len(a.terms) > 1 || !a.terms[0].coef.Is(1) || !a.rest.Is(0) {
		b.linear[sum] = a
	}
	return sum
}

// interval is a closed range of an int64 expression; either end may be unknown
// and either may be symbolic.
type interval struct {
	lo, hi       dim.Dim
	hasLo, hasHi bool
}

// scaled multiplies a range by a dimension of known sign; else nothing is known.
func (r interval) scaled(d dim.Dim) interval {
	switch {
	case knownAtLeast(d, 0):
		return interval{r.lo.Mul(d), r.hi.Mul(d), r.hasLo, r.hasHi}
	case knownAtLeast(d.Neg(), 0):
		return interval{r.hi.Mul(d), r.lo.Mul(d), r.hasHi, r.hasLo}
	}
	return interval{}
}

// rangeOf bounds an affine form from the extents of its axes. Where an extent
// is zero nothing is evaluated, so any answer is right there.
func (b *Builder) rangeOf(a affine) interval {
	r := interval{a.rest, a.rest, true, true}
	for _, t := range a.terms {
		x := b.atomRange(t.atom).scaled(t.coef)
		r = interval{r.lo.Add(x.lo), r.hi.Add(x.hi), r.hasLo && x.hasLo, r.hasHi && x.hasHi}
	}
	return r
}

func (b *Builder) atomRange(e *Expr) interval {
	one := dim.Const(1)
	switch e.Op {
	case AxisVar:
		return interval{dim.Dim{}, e.Axis.Extent.Sub(one), true, true}
	case Mod:
		if d, ok := dimOf(e.Args[1]); ok {
			return interval{dim.Dim{}, d.Sub(one), true, true}
		}
	case FloorDiv:
		r := b.rangeOf(b.affineOf(e.Args[0]))
		if d, ok := dimOf(e.Args[1]); ok && knownAtLeast(d, 1) {
			return interval{r.lo.FloorDiv(d), r.hi.FloorDiv(d), r.hasLo, r.hasHi}
		}
	case Min, Max:
		return b.extremeRange(e)
	}
	return interval{}
}

// extremeRange bounds a minimum or maximum: one known operand bounds one side,
// the other side needs both.
func (b *Builder) extremeRange(e *Expr) interval {
	x, y := b.rangeOf(b.affineOf(e.Args[0])), b.rangeOf(b.affineOf(e.Args[1]))
	if e.Op == Max { // the mirror image of a minimum
		minus := dim.Const(-1)
		x, y = x.scaled(minus), y.scaled(minus)
		return lesser(x, y).scaled(minus)
	}
	return lesser(x, y)
}

// lesser bounds the smaller of two values.
func lesser(x, y interval) (r interval) {
	switch {
	case !x.hasHi || y.hasHi && knownAtLeast(x.hi.Sub(y.hi), 0):
		r.hi, r.hasHi = y.hi, y.hasHi
	default:
		r.hi, r.hasHi = x.hi, true
	}
	if x.hasLo && y.hasLo {
		switch {
		case knownAtLeast(y.lo.Sub(x.lo), 0):
			r.lo, r.hasLo = x.lo, true
		case knownAtLeast(x.lo.Sub(y.lo), 0):
			r.lo, r.hasLo = y.lo, true
		}
	}
	return r
}

// dimOf returns the dimension that a loop-invariant index stands for.
func dimOf(e *Expr) (dim.Dim, bool) {
	if n, ok := e.IntValue(); ok {
		return dim.Const(n), true
	}
	return e.Dim, e.Op == DimVar
}

// knownAtLeast reports whether d is known to be n or more for symbols of one or more.
func knownAtLeast(d dim.Dim, n int64) bool {
	m, ok := d.Min()
	return ok && m >= n
}

// index simplifies int64 arithmetic; nil when op stays as it is.
func (b *Builder) index(op Op, x, y *Expr) *Expr {
	a, c := b.affineOf(x), b.affineOf(y)
	switch op {
	case Add:
		return b.rebuild(a.plus(c))
	case Sub:
		return b.rebuild(a.plus(c.scale(dim.Const(-1))))
	case Mul:
		if len(c.terms) == 0 {
			return b.rebuild(a.scale(c.rest))
		}
		if len(a.terms) == 0 {
			return b.rebuild(c.scale(a.rest))
		}
	case FloorDiv, Mod:
		if len(c.terms) == 0 && !c.rest.Is(0) {
			q, r := b.divMod(a, c.rest)
			if op == FloorDiv {
				return q
			}
			return r
		}
	case Lt, Le, Eq, Ne:
		return b.compareIndex(op, c.plus(a.scale(dim.Const(-1))))
	case Min, Max:
		return b.extremeIndex(op, x, y, c.plus(a.scale(dim.Const(-1))))
	}
	return nil
}

// divMod returns floor(a / d) and the remainder, without a division wherever
// the ranges allow it.
func (b *Builder) divMod(a affine, d dim.Dim) (q, r *Expr) {
	var whole, part affine
	for _, t := range a.terms {
		if c, ok := t.coef.Div(d); ok {
			whole.terms = append(whole.terms, affineTerm{t.atom, c})
		} else {
			part.terms = append(part.terms, t)
		}
	}
	if c, ok := a.rest.Div(d); ok {
		whole.rest = c
	} else if n, m, ok := constPair(a.rest, d); ok {
		whole.rest = dim.Const(floorDiv(n, m))
		part.rest = dim.Const(n - m*floorDiv(n, m))
	} else {
		part.rest = a.rest
	}
	if inside(b.rangeOf(part), d) {
		return b.rebuild(whole), b.rebuild(part)
	}
	asIs := affine{terms: part.terms, rest: a.rest}
	if inside(b.rangeOf(asIs), d) {
		return b.rebuild(affine{terms: whole.terms}), b.rebuild(asIs)
	}
	pq, pr := b.divModPart(part, d)
	return b.Add(b.rebuild(whole), pq), pr
}

// inside reports whether a range lies in [0, d).
func inside(r interval, d dim.Dim) bool {
	return r.hasLo && r.hasHi && knownAtLeast(r.lo, 0) && knownAtLeast(d.Sub(r.hi), 1)
}

// divModPart divides a form with no multiples of d: by taking a common factor
// out of both sides, else by a division at run time.
func (b *Builder) divModPart(a affine, d dim.Dim) (q, r *Expr) {
	if m, ok := d.Int(); ok && m > 1 {
		for _, t := range a.terms { // each constant coefficient is a candidate factor
			g, ok := t.coef.Int()
			if !ok || g <= 1 || m%g != 0 {
				continue
			}
			high, low := splitBy(a, g)
			if len(high.terms) > 0 && inside(b.rangeOf(low), dim.Const(g)) {
				hq, hr := b.divMod(high, dim.Const(m/g))
				return hq, b.Add(b.Mul(hr, b.Int(g)), b.rebuild(low))
			}
		}
	}
	x, y := b.rebuild(a), b.Dim(d)
	if len(a.terms) == 1 && a.rest.Is(0) && a.terms[0].coef.Is(1) && x.Op == FloorDiv {
		if inner, ok := dimOf(x.Args[1]); ok { // floor(floor(x/m)/n) = floor(x/(m*n))
			q, _ = b.divMod(b.affineOf(x.Args[0]), inner.Mul(d))
			return q, b.intern(&Expr{Op: Mod, Type: dim.Int64, Args: []*Expr{x, y}})
		}
	}
	return b.intern(&Expr{Op: FloorDiv, Type: dim.Int64, Args: []*Expr{x, y}}),
		b.intern(&Expr{Op: Mod, Type: dim.Int64, Args: []*Expr{x, y}})
}

// splitBy writes a as g*high + low.
func splitBy(a affine, g int64) (high, low affine) {
	for _, t := range a.terms {
		if c, ok := t.coef.Div(dim.Const(g)); ok {
			high.terms = append(high.terms, affineTerm{t.atom, c})
		} else {
			low.terms = append(low.terms, t)
		}
	}
	if n, ok := a.rest.Int(); ok {
		high.rest, low.rest = dim.Const(floorDiv(n, g)), dim.Const(n-g*floorDiv(n, g))
	} else {
		low.rest = a.rest
	}
	return high, low
}

// compareIndex decides 0 op diff for diff = y - x, or nil when it cannot.
func (b *Builder) compareIndex(op Op, diff affine) *Expr {
	r := b.rangeOf(diff)
	least := func(n int64) bool { return r.hasLo && knownAtLeast(r.lo, n) }
	most := func(n int64) bool { return r.hasHi && knownAtLeast(r.hi.Neg(), -n) }
	zero := len(diff.terms) == 0 && diff.rest.Is(0)
	apart := least(1) || most(-1)
	switch {
	case op == Lt && least(1), op == Le && least(0), op == Eq && zero, op == Ne && apart:
		return b.Bool(true)
	case op == Lt && most(0), op == Le && most(-1), op == Ne && zero, op == Eq && apart:
		return b.Bool(false)
	}
	return nil
}

// extremeIndex decides a minimum or maximum for diff = y - x, or returns nil.
func (b *Builder) extremeIndex(op Op, x, y *Expr, diff affine) *Expr {
	r := b.rangeOf(diff)
	switch {
	case r.hasLo && knownAtLeast(r.lo, 0):
		if op == Min {
			return x
		}
		return y
	case r.hasHi && knownAtLeast(r.hi.Neg(), 0):
		if op == Min {
			return y
		}
		return x
	}
	return nil
}

func constPair(a, d dim.Dim) (n, m int64, ok bool) {
	n, okN := a.Int()
	m, okM := d.Int()
	return n, m, okN && okM && m != 0
}

func floorDiv(n, m int64) int64 {
	q := n / m
	if n%m != 0 && (n < 0) != (m < 0) {
		q--
	}
	return q
}

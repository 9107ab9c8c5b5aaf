package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// term is coef*atom in an address; without an atom it is coef alone.
type term struct {
	coef dim.Dim
	atom *loop.Expr
}

// linear is an address as a sum of terms, each atom once.
type linear []term

func (l linear) plus(t term) linear {
	for i := range l {
		if sameAtom(l[i].atom, t.atom) {
			l[i].coef = l[i].coef.Add(t.coef)
			return l
		}
	}
	return append(l, t)
}

// sameAtom compares by identity, which a Builder gives equal expressions, and
// positions by their axis.
func sameAtom(a, b *loop.Expr) bool {
	return a == b || a != nil && b != nil && a.Op == loop.AxisVar && b.Op == loop.AxisVar && a.Axis == b.Axis
}

// linearize adds scale*e to l, taking sums and products with sizes apart.
func (p *printer) linearize(l linear, e *loop.Expr, scale dim.Dim) linear {
	switch e.Op {
	case loop.Const:
		return l.plus(term{coef: scale.Mul(dim.Const(int64(e.Bits)))})
	case loop.DimVar:
		return l.plus(term{coef: scale.Mul(e.Dim)})
	case loop.Add:
		return p.linearize(p.linearize(l, e.Args[0], scale), e.Args[1], scale)
	case loop.Sub:
		return p.linearize(p.linearize(l, e.Args[0], scale), e.Args[1], scale.Neg())
	case loop.Neg:
		return p.linearize(l, e.Args[0], scale.Neg())
	case loop.Mul:
		for i, a := range e.Args {
			if d, ok := sizeOf(a); ok {
				return p.linearize(l, e.Args[1-i], scale.Mul(d))
			}
		}
	}
	return l.plus(term{coef: scale, atom: e})
}

// sizeOf returns an expression that is a size.
func sizeOf(e *loop.Expr) (dim.Dim, bool) {
	switch e.Op {
	case loop.Const:
		return dim.Const(int64(e.Bits)), true
	case loop.DimVar:
		return e.Dim, true
	}
	return dim.Dim{}, false
}

// address returns the position of an element in memory as a sum, constant
// part last.
func (p *printer) address(q *loop.Param, index []*loop.Expr) linear {
	var l linear
	if q.Layout == nil {
		stride := dim.Const(1)
		for a := len(index) - 1; a >= 0; a-- {
			l = p.linearize(l, index[a], stride)
			stride = stride.Mul(q.Shape[a])
		}
		return l.clean()
	}
	w := dim.Const(int64(q.Layout.Width))
	lane := index[q.Layout.Lane]
	l = p.linearize(l, p.build.Bin(loop.Mod, lane, p.build.Int(int64(q.Layout.Width))), dim.Const(1))
	stride := w
	for i := len(q.Layout.Rest) - 1; i >= 0; i-- {
		a := q.Layout.Rest[i]
		l = p.linearize(l, index[a], stride)
		stride = stride.Mul(q.Shape[a])
	}
	return p.linearize(l, p.build.Bin(loop.FloorDiv, lane, p.build.Int(int64(q.Layout.Width))), stride).clean()
}

// clean drops zero terms and puts the constant part last.
func (l linear) clean() linear {
	out := slices.DeleteFunc(l, func(t term) bool { return t.coef.Is(0) })
	slices.SortStableFunc(out, func(a, b term) int { return btoi(a.atom == nil) - btoi(b.atom == nil) })
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sum prints an address. Parts that an outer loop knows are computed there.
func (p *printer) sum(l linear) expr {
	l = slices.Clone(l)
	slices.SortStableFunc(l, func(a, b term) int { return p.termLevel(a) - p.termLevel(b) })
	total, totalText, level := num(0), "", 0
	for i, t := range l {
		if n := p.termLevel(t); i > 0 && n > level {
			total = p.hoisted(totalText, total, level)
			level = n
		} else if i == 0 {
			level = n
		}
		total = bin("+", total, p.product(t))
		totalText += t.key()
	}
	return p.hoisted(totalText, total, level)
}

// termLevel is the scope in which a term can be computed: one with a load that a
// condition protects stays below it.
func (p *printer) termLevel(t term) int {
	if t.atom == nil {
		return 0
	}
	level := p.level(t.atom)
	if !mustStay(t.atom) {
		return level
	}
	return slices.Index(p.scopes, p.home(level, true))
}

// product prints one term.
func (p *printer) product(t term) expr {
	if t.atom == nil {
		return p.dim(t.coef)
	}
	atom := p.value(t.atom, true)
	if n, ok := t.coef.Int(); ok && n == -1 && !atom.isInt {
		return unary("-", atom)
	}
	return bin("*", atom, p.dim(t.coef))
}

// key is a text that equal terms share. It is never printed.
func (t term) key() string {
	if t.atom == nil {
		return t.coef.String() + " "
	}
	if t.atom.Op == loop.AxisVar {
		return fmt.Sprintf("%s*%p ", t.coef, t.atom.Axis)
	}
	return fmt.Sprintf("%s*%p ", t.coef, t.atom)
}

func (l linear) key() string {
	var b strings.Builder
	for _, t := range l {
		b.WriteString(t.key())
	}
	return b.String()
}

// hoisted gives a sum a name in the loop that knows its parts, unless that is
// the present one or there is nothing to compute.
func (p *printer) hoisted(key string, e expr, level int) expr {
	if e.ops == 0 || level == p.depth() {
		return e
	}
	s := p.scopes[level]
	if v, ok := s.named[key]; ok {
		return v
	}
	v := p.define(s, "at", e)
	s.named[key] = v
	return v
}

// element is the element of a parameter at index. In the innermost loop over
// rowAxis, a parameter that it walks one by one is cut to the row before the
// loop, so that the compiler knows that every position exists.
func (p *printer) element(q *loop.Param, at []*loop.Expr) expr {
	l := p.address(q, at)
	if row, ok := p.row(q, l); ok {
		return index(row, p.rowIndex())
	}
	p.indexed[q] = true
	return index(p.params[q], p.sum(l))
}

// row returns the slice of q that the innermost loop walks.
func (p *printer) row(q *loop.Param, l linear) (expr, bool) {
	if p.rowAxis == nil || p.top().cond {
		return expr{}, false
	}
	outer := p.depth() - 1
	var rest linear
	found := false
	for _, t := range l {
		switch {
		case t.atom != nil && t.atom.Op == loop.AxisVar && t.atom.Axis == p.rowAxis && t.coef.Is(1):
			found = true
		case p.termLevel(t) > outer:
			return expr{}, false
		default:
			rest = append(rest, t)
		}
	}
	if !found {
		return expr{}, false
	}
	s := p.scopes[outer]
	var at expr
	p.within(s, func() { at = bin("+", p.sum(rest), p.rowFirst) })
	key := fmt.Sprintf("row %p %p %s", q, p.rowAxis, rest.key())
	if p.rowFirst.isInt && p.rowSize.isInt {
		key = fmt.Sprintf("row %p %d %d %s", q, p.rowFirst.number, p.rowSize.number, rest.key())
	}
	if v, ok := s.named[key]; ok {
		return v, true
	}
	cut := p.fields[q]
	if !(at.isInt && at.number == 0) {
		cut = slice(cut, &at, nil)
	}
	v := p.define(s, q.Name+"Row", slice(cut, nil, &p.rowSize))
	s.named[key] = v
	return v, true
}

package simd

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// linear is a position in a buffer, in elements: axes and other integer values
// times coefficients, plus a constant.
type linear struct {
	terms []linearTerm // no atom twice, no zero coefficient
	rest  dim.Dim
}

// linearTerm is coef times an atom: an axis, or an int64 expression that is no sum.
type linearTerm struct {
	axis *loop.Axis
	atom *loop.Expr // when axis is nil
	coef dim.Dim
}

// plus does not change l or m, but may share their terms.
func (l linear) plus(m linear) linear {
	switch {
	case len(m.terms) == 0:
		return linear{terms: l.terms, rest: l.rest.Add(m.rest)}
	case len(l.terms) == 0:
		return linear{terms: m.terms, rest: l.rest.Add(m.rest)}
	}
	out := linear{terms: slices.Clone(l.terms), rest: l.rest.Add(m.rest)}
	for _, t := range m.terms {
		i := slices.IndexFunc(out.terms, func(u linearTerm) bool { return u.axis == t.axis && u.atom == t.atom })
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

func (l linear) times(d dim.Dim) linear {
	if d.Is(1) {
		return l
	}
	out := linear{rest: l.rest.Mul(d)}
	for _, t := range l.terms {
		if c := t.coef.Mul(d); !c.Is(0) {
			out.terms = append(out.terms, linearTerm{t.axis, t.atom, c})
		}
	}
	return out
}

// coef returns the coefficient of an axis.
func (l linear) coef(a *loop.Axis) dim.Dim {
	for _, t := range l.terms {
		if t.axis == a {
			return t.coef
		}
	}
	return dim.Const(0)
}

// constIndex returns the value of a constant index.
func constIndex(e *loop.Expr) (int64, bool) {
	if e.Op != loop.Const {
		return 0, false
	}
	return int64(e.Bits), true
}

// linearOf splits an int64 expression.
func linearOf(e *loop.Expr) linear {
	switch e.Op {
	case loop.Const:
		return linear{rest: dim.Const(int64(e.Bits))}
	case loop.DimVar:
		return linear{rest: e.Dim}
	case loop.AxisVar:
		if e.Axis.Extent.Is(1) {
			return linear{}
		}
		return linear{terms: []linearTerm{{axis: e.Axis, coef: dim.Const(1)}}}
	case loop.Add:
		return linearOf(e.Args[0]).plus(linearOf(e.Args[1]))
	case loop.Sub:
		return linearOf(e.Args[0]).plus(linearOf(e.Args[1]).times(dim.Const(-1)))
	case loop.Neg:
		return linearOf(e.Args[0]).times(dim.Const(-1))
	case loop.Mul:
		x, y := linearOf(e.Args[0]), linearOf(e.Args[1])
		if len(x.terms) == 0 {
			return y.times(x.rest)
		}
		if len(y.terms) == 0 {
			return x.times(y.rest)
		}
	}
	return linear{terms: []linearTerm{{atom: e, coef: dim.Const(1)}}}
}

// position is the place of an element of p in memory. A blocked layout gives
// atoms floor(x / width) and x mod width of the lane axis's index.
func (g *generator) position(p *loop.Param, index []*loop.Expr) linear {
	if len(index) == 0 {
		return linear{}
	}
	key := element{p, &index[0]}
	l, ok := g.places[key]
	if !ok {
		l = g.newPosition(p, index)
		g.places[key] = l
	}
	return l
}

// element is what a load or a store names, whose list of indices never changes.
type element struct {
	param *loop.Param
	index **loop.Expr
}

func (g *generator) newPosition(p *loop.Param, index []*loop.Expr) linear {
	if p.Layout == nil {
		var l linear
		stride := dim.Const(1)
		for i := len(index) - 1; i >= 0; i-- {
			l = l.plus(linearOf(index[i]).times(stride))
			stride = stride.Mul(p.Shape[i])
		}
		return l
	}
	w := int64(p.Layout.Width)
	var l linear
	stride := dim.Const(w)
	for i := len(p.Layout.Rest) - 1; i >= 0; i-- {
		a := p.Layout.Rest[i]
		l = l.plus(linearOf(index[a]).times(stride))
		stride = stride.Mul(p.Shape[a])
	}
	lane := index[p.Layout.Lane]
	if panel, inside, ok := panelParts(lane, w); ok {
		return l.plus(panel.times(stride)).plus(inside)
	}
	width := g.rw.intern(&loop.Expr{Op: loop.Const, Type: dim.Int64, Bits: uint64(w)})
	block := g.rw.intern(&loop.Expr{Op: loop.FloorDiv, Type: dim.Int64, Args: []*loop.Expr{lane, width}})
	inside := g.rw.intern(&loop.Expr{Op: loop.Mod, Type: dim.Int64, Args: []*loop.Expr{lane, width}})
	l = l.plus(linear{terms: []linearTerm{{atom: block, coef: stride}}})
	return l.plus(linear{terms: []linearTerm{{atom: inside, coef: dim.Const(1)}}})
}

package simd

import (
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// rewriter copies expressions so that equal ones are one pointer, calls of named
// functions are expanded, and axes are replaced.
type rewriter struct {
	axes  map[*loop.Axis]*loop.Expr                                           // what stands for an axis that is replaced
	keep  *loop.Fn                                                            // a function that the target has an instruction for
	place func(p *loop.Param, index []*loop.Expr) (*loop.Param, []*loop.Expr) // where an access goes; nil: stays
	done  map[*loop.Expr]*loop.Expr
	known map[exprKey]*loop.Expr
	ids   map[*loop.Expr]int
}

type exprKey struct {
	op    loop.Op
	typ   dim.DType
	bits  uint64
	text  string
	ptr   any
	parts string // ids of arguments, indices and guard
}

func newRewriter(t Target) *rewriter {
	rw := &rewriter{axes: map[*loop.Axis]*loop.Expr{}, done: map[*loop.Expr]*loop.Expr{}, known: map[exprKey]*loop.Expr{}, ids: map[*loop.Expr]int{}}
	if t == AVX512 {
		rw.keep = loop.FnByName("scale")
	}
	return rw
}

// replace makes the rewriter put e in the place of axis a.
func (rw *rewriter) replace(a *loop.Axis, e *loop.Expr) {
	rw.axes[a] = rw.intern(e)
	rw.done = map[*loop.Expr]*loop.Expr{}
}

// release makes axes stand for themselves again.
func (rw *rewriter) release(axes ...*loop.Axis) {
	for _, a := range axes {
		delete(rw.axes, a)
	}
	rw.done = map[*loop.Expr]*loop.Expr{}
}

func (rw *rewriter) expr(e *loop.Expr) *loop.Expr {
	if e == nil {
		return nil
	}
	if r, ok := rw.done[e]; ok {
		return r
	}
	r := e
	switch {
	case e.Op == loop.AxisVar && rw.axes[e.Axis] != nil:
		r = rw.axes[e.Axis]
	default:
		c := *e
		c.Args, c.Index, c.Guard = rw.list(e.Args), rw.list(e.Index), rw.expr(e.Guard)
		if c.Op == loop.Load && rw.place != nil {
			c.Param, c.Index = rw.place(c.Param, c.Index)
		}
		if c.Op == loop.CallFn && c.Fn != rw.keep {
			r = rw.expr(c.Fn.Body(c.Args))
		} else {
			r = rw.intern(&c)
			if c.Type == dim.Int64 && (c.Op == loop.FloorDiv || c.Op == loop.Mod) {
				r = rw.quotient(r)
			}
		}
	}
	rw.done[e] = r
	return r
}

// quotient takes multiples of a constant divisor out of a quotient or remainder.
func (rw *rewriter) quotient(e *loop.Expr) *loop.Expr {
	n, ok := constIndex(e.Args[1])
	if !ok || n <= 0 {
		return e
	}
	l := linearOf(e.Args[0])
	whole := linear{rest: dim.Const(0)}
	rest := linear{rest: l.rest}
	if c, known := l.rest.Int(); known {
		whole.rest = dim.Const(c / n)
		rest.rest = dim.Const(c % n)
	}
	for _, t := range l.terms {
		c, known := t.coef.Int()
		if known && c%n == 0 {
			t.coef = dim.Const(c / n)
			whole.terms = append(whole.terms, t)
			continue
		}
		rest.terms = append(rest.terms, t)
	}
	if len(whole.terms) == 0 && whole.rest.Is(0) {
		return e
	}
	x := rw.linearExpr(rest)
	if c, known := rest.rest.Int(); known && len(rest.terms) == 0 {
		c = ((c % n) + n) % n
		if e.Op == loop.Mod {
			return rw.linearExpr(linear{rest: dim.Const(c)})
		}
		if r, _ := rest.rest.Int(); r < 0 { // floor, not towards zero
			whole.rest = whole.rest.Add(dim.Const(-1))
		}
		return rw.linearExpr(whole)
	}
	q := rw.intern(&loop.Expr{Op: e.Op, Type: dim.Int64, Args: []*loop.Expr{x, e.Args[1]}})
	if e.Op == loop.Mod {
		return q
	}
	return rw.intern(&loop.Expr{Op: loop.Add, Type: dim.Int64, Args: []*loop.Expr{rw.linearExpr(whole), q}})
}

// linearExpr is the expression of a sum.
func (rw *rewriter) linearExpr(l linear) *loop.Expr {
	bin := func(op loop.Op, x, y *loop.Expr) *loop.Expr {
		return rw.intern(&loop.Expr{Op: op, Type: dim.Int64, Args: []*loop.Expr{x, y}})
	}
	var sum *loop.Expr
	for _, t := range l.terms {
		x := t.atom
		if t.axis != nil {
			x = rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: t.axis})
		}
		if !t.coef.Is(1) {
			x = bin(loop.Mul, x, rw.size(t.coef))
		}
		if sum != nil {
			x = bin(loop.Add, sum, x)
		}
		sum = x
	}
	switch {
	case sum == nil:
		return rw.size(l.rest)
	case !l.rest.Is(0):
		return bin(loop.Add, sum, rw.size(l.rest))
	}
	return sum
}

// size is the expression of a dimension.
func (rw *rewriter) size(d dim.Dim) *loop.Expr {
	if n, ok := d.Int(); ok {
		return rw.intern(&loop.Expr{Op: loop.Const, Type: dim.Int64, Bits: uint64(n)})
	}
	return rw.intern(&loop.Expr{Op: loop.DimVar, Type: dim.Int64, Dim: d})
}

func (rw *rewriter) list(es []*loop.Expr) []*loop.Expr {
	if len(es) == 0 {
		return nil
	}
	out := make([]*loop.Expr, len(es))
	for i, e := range es {
		out[i] = rw.expr(e)
	}
	return out
}

// intern returns the one expression equal to e, whose parts are interned.
func (rw *rewriter) intern(e *loop.Expr) *loop.Expr {
	k := exprKey{op: e.Op, typ: e.Type, bits: e.Bits}
	switch e.Op {
	case loop.AxisVar:
		k.ptr = e.Axis
	case loop.DimVar:
		k.text = e.Dim.String()
	case loop.Counter:
		k.text = e.Name
	case loop.ScalarArg:
		k.ptr = e.Scalar
	case loop.ResultOf:
		k.ptr = e.Result
	case loop.NextOf:
		k.ptr = e.Carry.Current
	case loop.Load:
		k.ptr = e.Param
	case loop.CallFn:
		k.ptr = e.Fn
	}
	var b strings.Builder
	for _, list := range [][]*loop.Expr{e.Args, e.Index, {e.Guard}} {
		for _, x := range list {
			b.WriteString(strconv.Itoa(rw.ids[x]))
			b.WriteByte(' ')
		}
		b.WriteByte(';')
	}
	k.parts = b.String()
	if old, ok := rw.known[k]; ok {
		return old
	}
	rw.known[k] = e
	rw.ids[e] = len(rw.ids) + 1
	return e
}

// phase copies a phase with rewritten expressions over the axes given.
func (rw *rewriter) phase(p *loop.Phase, axes []*loop.Axis) *loop.Phase {
	q := *p
	q.Axes = axes
	q.A, q.B, q.Init = rw.expr(p.A), rw.expr(p.B), rw.expr(p.Init)
	q.Reducers, q.Stores, q.Carries = nil, nil, nil
	for _, r := range p.Reducers {
		c := *r
		c.Value = rw.expr(r.Value)
		q.Reducers = append(q.Reducers, &c)
	}
	for _, c := range p.Carries {
		q.Carries = append(q.Carries, &loop.Carry{Init: rw.expr(c.Init), Next: rw.expr(c.Next), Current: c.Current})
	}
	for _, s := range p.Stores {
		q.Stores = append(q.Stores, rw.store(s))
	}
	return &q
}

func (rw *rewriter) store(s *loop.Store) *loop.Store {
	out := &loop.Store{Param: s.Param, Index: rw.list(s.Index), Value: rw.expr(s.Value), If: rw.expr(s.If)}
	if rw.place != nil {
		out.Param, out.Index = rw.place(out.Param, out.Index)
	}
	return out
}

// walk calls f for every part of e, each once.
func walk(e *loop.Expr, seen map[*loop.Expr]bool, f func(*loop.Expr)) {
	if e == nil || seen[e] {
		return
	}
	seen[e] = true
	f(e)
	for _, a := range e.Args {
		walk(a, seen, f)
	}
	for _, a := range e.Index {
		walk(a, seen, f)
	}
	walk(e.Guard, seen, f)
}

// phaseExprs calls f for every expression that the phase evaluates.
func phaseExprs(p *loop.Phase, f func(*loop.Expr)) {
	seen := map[*loop.Expr]bool{}
	walk(p.A, seen, f)
	walk(p.B, seen, f)
	walk(p.Init, seen, f)
	for _, r := range p.Reducers {
		walk(r.Value, seen, f)
	}
	for _, s := range p.Stores {
		for _, x := range s.Index {
			walk(x, seen, f)
		}
		walk(s.Value, seen, f)
		walk(s.If, seen, f)
	}
	for _, c := range p.Carries {
		walk(c.Init, seen, f)
		walk(c.Next, seen, f)
	}
}

// accesses calls f for every load and store of a phase.
func accesses(p *loop.Phase, f func(param *loop.Param, index []*loop.Expr, write bool)) {
	phaseExprs(p, func(e *loop.Expr) {
		if e.Op == loop.Load {
			f(e.Param, e.Index, false)
		}
	})
	for _, s := range p.Stores {
		f(s.Param, s.Index, true)
	}
}

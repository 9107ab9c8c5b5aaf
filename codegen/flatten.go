package codegen

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// flatten returns a kernel that does the same over one axis, or nil. That is
// possible for a map whose every access is at the point of the space itself, or
// at a constant place.
func flatten(k *loop.Kernel) *loop.Kernel {
	if len(k.Space) < 2 || len(k.Phases) != 1 || k.Phases[0].Kind != loop.Map || len(k.Phases[0].Axes) > 0 {
		return nil
	}
	f := &flattener{
		axis:   &loop.Axis{Name: "i", Extent: dim.Product(extents(k.Space))},
		space:  k.Space,
		params: map[*loop.Param]*loop.Param{},
		done:   map[*loop.Expr]*loop.Expr{},
		ok:     true,
	}
	f.here = &loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: f.axis}
	out := *k
	out.Space = []*loop.Axis{f.axis}
	ph := *k.Phases[0]
	ph.Stores = nil
	for _, s := range k.Phases[0].Stores {
		q, idx := f.access(s.Param, s.Index)
		ph.Stores = append(ph.Stores, &loop.Store{Param: q, Index: idx, Value: f.expr(s.Value), If: f.expr(s.If)})
	}
	out.Phases = []*loop.Phase{&ph}
	out.Params = nil
	for _, q := range k.Params {
		n, used := f.params[q]
		if !used {
			n = q
		}
		out.Params = append(out.Params, n)
	}
	if !f.ok {
		return nil
	}
	return &out
}

type flattener struct {
	axis   *loop.Axis
	here   *loop.Expr
	space  []*loop.Axis
	params map[*loop.Param]*loop.Param
	done   map[*loop.Expr]*loop.Expr
	ok     bool
}

// access turns an access at the point of the space into one at the flat position.
func (f *flattener) access(q *loop.Param, idx []*loop.Expr) (*loop.Param, []*loop.Expr) {
	if f.atPoint(q, idx) {
		n, seen := f.params[q]
		switch {
		case !seen:
			c := *q
			n, c.Shape = &c, []dim.Dim{f.axis.Extent}
			f.params[q] = n
		case len(n.Shape) != 1 || !n.Shape[0].Equal(f.axis.Extent):
			f.ok = false
		}
		return n, []*loop.Expr{f.here}
	}
	for _, e := range idx {
		if e.Op != loop.Const {
			f.ok = false
		}
	}
	if old, seen := f.params[q]; seen && old != q {
		f.ok = false
	}
	f.params[q] = q
	return q, idx
}

func (f *flattener) atPoint(q *loop.Param, idx []*loop.Expr) bool {
	if q.Layout != nil || len(idx) != len(f.space) {
		return false
	}
	for i, a := range f.space {
		here := idx[i].Op == loop.AxisVar && idx[i].Axis == a || a.Extent.Is(1) && idx[i].Op == loop.Const && idx[i].Bits == 0
		if !here || !q.Shape[i].Equal(a.Extent) {
			return false
		}
	}
	return true
}

// expr rewrites an expression; any other use of the axes ends the attempt.
func (f *flattener) expr(e *loop.Expr) *loop.Expr {
	if e == nil {
		return nil
	}
	if n, ok := f.done[e]; ok {
		return n
	}
	c := *e
	switch e.Op {
	case loop.AxisVar:
		f.ok = false
	case loop.Load:
		c.Param, c.Index = f.access(e.Param, e.Index)
		c.Guard = f.expr(e.Guard)
	}
	c.Args = nil
	for _, a := range e.Args {
		c.Args = append(c.Args, f.expr(a))
	}
	f.done[e] = &c
	return &c
}

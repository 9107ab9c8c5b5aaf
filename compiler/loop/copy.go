package loop

import (
	"slices"
	"strconv"

	"github.com/mlc-go/mlc/compiler/dim"
)

// CopyKernel returns a kernel with parts of its own and the same names.
func CopyKernel(k *Kernel) *Kernel {
	c := newCopier().kernel(k)
	c.Name, c.Doc, c.Origins = k.Name, k.Doc, slices.Clone(k.Origins)
	return c
}

// NeutralCopy returns a kernel that is equal for all kernels which are equal up
// to names: parameters, sizes, scalars, axes and results are numbered.
func NeutralCopy(k *Kernel) *Kernel {
	r := newCopier()
	r.neutral = true
	r.sizes = map[string]dim.Dim{}
	for i, d := range k.Dims {
		r.sizes[d] = dim.Sym("d" + strconv.Itoa(i))
	}
	c := r.kernel(k)
	c.Name = "k"
	for i := range c.Dims {
		c.Dims[i] = "d" + strconv.Itoa(i)
	}
	return c
}

// copier copies the parts of a kernel, each once.
type copier struct {
	neutral bool
	sizes   map[string]dim.Dim // nil: sizes keep their names
	params  map[*Param]*Param
	axes    map[*Axis]*Axis
	scalars map[*ScalarParam]*ScalarParam
	results map[*Result]*Result
	carries map[*Carry]*Carry
	exprs   map[*Expr]*Expr
}

func newCopier() *copier {
	return &copier{params: map[*Param]*Param{}, axes: map[*Axis]*Axis{}, scalars: map[*ScalarParam]*ScalarParam{},
		results: map[*Result]*Result{}, carries: map[*Carry]*Carry{}, exprs: map[*Expr]*Expr{}}
}

func (r *copier) name(old, letter string, n int) string {
	if r.neutral {
		return letter + strconv.Itoa(n)
	}
	return old
}

func (r *copier) kernel(k *Kernel) *Kernel {
	c := &Kernel{Dims: slices.Clone(k.Dims), Counters: slices.Clone(k.Counters)}
	for i, p := range k.Params {
		np := *p
		np.Name, np.Shape = r.name(p.Name, "p", i), r.shape(p.Shape)
		r.params[p] = &np
		c.Params = append(c.Params, &np)
	}
	for i, s := range k.Scalars {
		ns := &ScalarParam{Name: r.name(s.Name, "s", i), DType: s.DType}
		r.scalars[s] = ns
		c.Scalars = append(c.Scalars, ns)
	}
	c.Space = r.axisList(k.Space)
	for _, ph := range k.Phases {
		c.Phases = append(c.Phases, r.phase(ph))
	}
	for i, l := range k.Locals {
		nl := *l
		nl.Name, nl.Shape = r.name(l.Name, "l", i), r.shape(l.Shape)
		r.params[l] = &nl
		c.Locals = append(c.Locals, &nl)
	}
	if t := k.Tiles; t != nil {
		c.Tiles = &Tiles{Axis: r.axisList([]*Axis{t.Axis})[0], Size: t.Size, Rows: t.Rows, End: t.End, Serial: t.Serial}
	}
	for _, p := range k.Parts {
		c.Parts = append(c.Parts, r.part(p))
	}
	return c
}

// part copies a part, whose kernel stays the same.
func (r *copier) part(p *Part) *Part {
	c := &Part{Kernel: p.Kernel, When: p.When, Dims: r.shape(p.Dims), Counters: r.axisList(p.Counters)}
	for _, a := range p.Args {
		c.Args = append(c.Args, r.params[a])
	}
	for _, s := range p.Scalars {
		c.Scalars = append(c.Scalars, r.scalars[s])
	}
	return c
}

func (r *copier) dim(d dim.Dim) dim.Dim {
	if r.sizes == nil {
		return d
	}
	return d.Subst(r.sizes)
}

func (r *copier) shape(s []dim.Dim) []dim.Dim {
	out := make([]dim.Dim, len(s))
	for i, d := range s {
		out[i] = r.dim(d)
	}
	return out
}

func (r *copier) axisList(list []*Axis) []*Axis {
	out := make([]*Axis, len(list))
	for i, a := range list {
		if r.axes[a] == nil {
			r.axes[a] = &Axis{Name: r.name(a.Name, "a", len(r.axes)), Extent: r.dim(a.Extent)}
		}
		out[i] = r.axes[a]
	}
	return out
}

func (r *copier) result(x *Result) *Result {
	if x == nil {
		return nil
	}
	if r.results[x] == nil {
		r.results[x] = &Result{Name: r.name(x.Name, "r", len(r.results)), Type: x.Type}
	}
	return r.results[x]
}

func (r *copier) carry(x *Carry) *Carry {
	if x == nil {
		return nil
	}
	if r.carries[x] == nil {
		c := &Carry{Current: r.result(x.Current)}
		r.carries[x] = c
		c.Init, c.Next = r.expr(x.Init), r.expr(x.Next)
	}
	return r.carries[x]
}

func (r *copier) phase(ph *Phase) *Phase {
	c := &Phase{Kind: ph.Kind, Order: ph.Order, Axes: r.axisList(ph.Axes), A: r.expr(ph.A), B: r.expr(ph.B), Acc: r.result(ph.Acc), Init: r.expr(ph.Init)}
	for _, x := range ph.Reducers {
		c.Reducers = append(c.Reducers, &Reducer{Op: x.Op, Value: r.expr(x.Value), Result: r.result(x.Result)})
	}
	for _, x := range ph.Carries {
		c.Carries = append(c.Carries, r.carry(x))
	}
	for _, s := range ph.Stores {
		c.Stores = append(c.Stores, r.store(s))
	}
	if s := ph.Sort; s != nil {
		c.Sort = &SortSpec{Value: r.expr(s.Value), Descending: s.Descending, Keep: r.dim(s.Keep), Values: r.store(s.Values), Positions: r.store(s.Positions)}
	}
	return c
}

func (r *copier) store(s *Store) *Store {
	if s == nil {
		return nil
	}
	return &Store{Param: r.params[s.Param], Index: r.list(s.Index), Value: r.expr(s.Value), If: r.expr(s.If)}
}

func (r *copier) list(es []*Expr) []*Expr {
	if es == nil {
		return nil
	}
	out := make([]*Expr, len(es))
	for i, e := range es {
		out[i] = r.expr(e)
	}
	return out
}

func (r *copier) expr(e *Expr) *Expr {
	if e == nil {
		return nil
	}
	if c, ok := r.exprs[e]; ok {
		return c
	}
	c := *e
	c.Args, c.Index, c.Guard = r.list(e.Args), r.list(e.Index), r.expr(e.Guard)
	c.Dim = r.dim(e.Dim)
	c.Result, c.Carry = r.result(e.Result), r.carry(e.Carry)
	if e.Axis != nil {
		c.Axis = r.axisList([]*Axis{e.Axis})[0]
	}
	if e.Scalar != nil {
		c.Scalar = r.scalars[e.Scalar]
	}
	if e.Param != nil {
		c.Param = r.params[e.Param]
	}
	r.exprs[e] = &c
	return &c
}

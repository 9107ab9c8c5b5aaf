package lower

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// sharer keeps one kernel for all that are equal but for the names of their
// parameters, sizes and scalars.
type sharer struct {
	kernels []*loop.Kernel
	byText  map[string]*loop.Kernel
	names   *namer
}

func newSharer() *sharer { return &sharer{byText: map[string]*loop.Kernel{}, names: newNamer()} }

// add returns the kernel that calls of k use: k itself under a unique name, or
// an equal one from before.
func (s *sharer) add(k *loop.Kernel, name string, origins []loop.Origin) *loop.Kernel {
	text := structure(k)
	if old, ok := s.byText[text]; ok {
		for _, o := range origins {
			if !slices.Contains(old.Origins, o) {
				old.Origins = append(old.Origins, o)
			}
		}
		return old
	}
	k.Name = s.names.unique(name)
	k.Origins = origins
	uniqueParams(k)
	s.byText[text] = k
	s.kernels = append(s.kernels, k)
	return k
}

// uniqueParams tells apart parameters, scalars and axes of one name: each is a
// variable of one function in generated code.
func uniqueParams(k *loop.Kernel) {
	n := newNamer()
	for _, d := range k.Dims {
		n.unique(d)
	}
	for _, c := range k.Counters {
		n.unique(c)
	}
	seen := map[*loop.Axis]bool{}
	axis := func(a *loop.Axis) {
		if !seen[a] {
			seen[a] = true
			a.Name = n.unique(a.Name)
		}
	}
	for _, a := range k.Space {
		axis(a)
	}
	for _, ph := range k.Phases {
		for _, a := range ph.Axes {
			axis(a)
		}
		for _, r := range ph.Reducers {
			r.Result.Name = n.unique(r.Result.Name)
		}
		if ph.Acc != nil {
			ph.Acc.Name = n.unique(ph.Acc.Name)
		}
		for _, c := range ph.Carries {
			c.Current.Name = n.unique(c.Current.Name)
		}
	}
	for _, p := range k.Params {
		p.Name = n.unique(p.Name)
	}
	for _, s := range k.Scalars {
		s.Name = n.unique(s.Name)
	}
}

// structure is the text of a kernel with neutral names.
func structure(k *loop.Kernel) string {
	sizes := map[string]dim.Dim{}
	c := &loop.Kernel{Name: "k", Counters: k.Counters}
	for i, d := range k.Dims {
		neutral := "d" + strconv.Itoa(i)
		c.Dims = append(c.Dims, neutral)
		sizes[d] = dim.Sym(neutral)
	}
	r := renamer{sizes: sizes, params: map[*loop.Param]*loop.Param{}, axes: map[*loop.Axis]*loop.Axis{},
		scalars: map[*loop.ScalarParam]*loop.ScalarParam{}, results: map[*loop.Result]*loop.Result{},
		carries: map[*loop.Carry]*loop.Carry{}, exprs: map[*loop.Expr]*loop.Expr{}}
	for i, p := range k.Params {
		np := *p
		np.Name, np.Shape = fmt.Sprintf("p%d", i), r.shape(p.Shape)
		r.params[p] = &np
		c.Params = append(c.Params, &np)
	}
	for i, s := range k.Scalars {
		ns := &loop.ScalarParam{Name: fmt.Sprintf("s%d", i), DType: s.DType}
		r.scalars[s] = ns
		c.Scalars = append(c.Scalars, ns)
	}
	c.Space = r.axisList(k.Space)
	for _, ph := range k.Phases {
		c.Phases = append(c.Phases, r.phase(ph))
	}
	return c.String()
}

// renamer copies the parts of a kernel under neutral names.
type renamer struct {
	sizes   map[string]dim.Dim
	params  map[*loop.Param]*loop.Param
	axes    map[*loop.Axis]*loop.Axis
	scalars map[*loop.ScalarParam]*loop.ScalarParam
	results map[*loop.Result]*loop.Result
	carries map[*loop.Carry]*loop.Carry
	exprs   map[*loop.Expr]*loop.Expr
}

func (r renamer) shape(s []dim.Dim) []dim.Dim {
	out := make([]dim.Dim, len(s))
	for i, d := range s {
		out[i] = d.Subst(r.sizes)
	}
	return out
}

func (r renamer) axisList(list []*loop.Axis) []*loop.Axis {
	out := make([]*loop.Axis, len(list))
	for i, a := range list {
		if r.axes[a] == nil {
			r.axes[a] = &loop.Axis{Name: fmt.Sprintf("a%d", len(r.axes)), Extent: a.Extent.Subst(r.sizes)}
		}
		out[i] = r.axes[a]
	}
	return out
}

func (r renamer) result(x *loop.Result) *loop.Result {
	if x == nil {
		return nil
	}
	if r.results[x] == nil {
		r.results[x] = &loop.Result{Name: fmt.Sprintf("r%d", len(r.results)), Type: x.Type}
	}
	return r.results[x]
}

func (r renamer) carry(x *loop.Carry) *loop.Carry {
	if x == nil {
		return nil
	}
	if r.carries[x] == nil {
		c := &loop.Carry{Current: r.result(x.Current)}
		r.carries[x] = c
		c.Init, c.Next = r.expr(x.Init), r.expr(x.Next)
	}
	return r.carries[x]
}

func (r renamer) phase(ph *loop.Phase) *loop.Phase {
	c := &loop.Phase{Kind: ph.Kind, Order: ph.Order, Axes: r.axisList(ph.Axes), A: r.expr(ph.A), B: r.expr(ph.B), Acc: r.result(ph.Acc)}
	for _, x := range ph.Reducers {
		c.Reducers = append(c.Reducers, &loop.Reducer{Op: x.Op, Value: r.expr(x.Value), Result: r.result(x.Result)})
	}
	for _, x := range ph.Carries {
		c.Carries = append(c.Carries, r.carry(x))
	}
	for _, s := range ph.Stores {
		c.Stores = append(c.Stores, r.store(s))
	}
	if s := ph.Sort; s != nil {
		c.Sort = &loop.SortSpec{Value: r.expr(s.Value), Descending: s.Descending, Keep: s.Keep.Subst(r.sizes), Values: r.store(s.Values), Positions: r.store(s.Positions)}
	}
	return c
}

func (r renamer) store(s *loop.Store) *loop.Store {
	if s == nil {
		return nil
	}
	return &loop.Store{Param: r.params[s.Param], Index: r.list(s.Index), Value: r.expr(s.Value), If: r.expr(s.If)}
}

func (r renamer) list(es []*loop.Expr) []*loop.Expr {
	if es == nil {
		return nil
	}
	out := make([]*loop.Expr, len(es))
	for i, e := range es {
		out[i] = r.expr(e)
	}
	return out
}

func (r renamer) expr(e *loop.Expr) *loop.Expr {
	if e == nil {
		return nil
	}
	if c, ok := r.exprs[e]; ok {
		return c
	}
	c := *e
	c.Args, c.Index, c.Guard = r.list(e.Args), r.list(e.Index), r.expr(e.Guard)
	c.Dim = e.Dim.Subst(r.sizes)
	c.Result, c.Carry = r.result(e.Result), r.carry(e.Carry)
	if e.Axis != nil {
		c.Axis = r.axisList([]*loop.Axis{e.Axis})[0]
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

package lower

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// build makes a group's kernel. A scan has none: its body is lowered when its
// operands have memory.
func (b *body) build(g *group) error {
	if g.kind == scanKind {
		return nil
	}
	k := newKernel(b, g)
	g.k = k
	switch {
	case g.copyOf != nil:
		k.buildCopy()
	case g.kind == mapKind:
		k.buildMap()
	case g.kind == rowKind || g.kind == serialKind:
		k.buildReduce()
	case g.kind == contractKind:
		k.buildContract()
	case g.kind == sequenceKind:
		k.buildSequence()
	default:
		k.buildWhole()
	}
	if k.err != nil {
		return fmt.Errorf("group of %s: %w", g.describe(), k.err)
	}
	k.k.Dims = loop.UsedDims(k.k)
	return nil
}

// describe names a group's instructions, for errors and kernels' comments.
func (g *group) describe() string {
	if g.copyOf != nil {
		return "copy"
	}
	s := ""
	for n, i := range g.instrs {
		if n > 0 {
			s += ", "
		}
		if n == 8 {
			return s + "..."
		}
		s += i.Op.Name()
	}
	return s
}

// space gives the kernel axes over a shape and returns their positions.
func (k *kernel) space(shape []dim.Dim) []*loop.Expr {
	k.k.Space = axes(axisNames[:], shape)
	return k.points(k.k.Space)
}

// storeOf makes the store of v, at a point of a space of the given shape.
func (k *kernel) storeOf(v *ir.Value, space []dim.Dim, idx []*loop.Expr) *loop.Store {
	at := alignIndex(k.x, v.Type.Shape, space, idx)
	value := k.value(v, at)
	return &loop.Store{Param: k.param(v, v.Type.Shape, true), Index: at, Value: value}
}

func (k *kernel) phase(p *loop.Phase) { k.k.Phases = append(k.k.Phases, p) }

// mapStores adds a phase that keeps the values whose shape is that of space.
func (k *kernel) mapStores(inner []*loop.Axis, space []dim.Dim, idx []*loop.Expr, keep func(*ir.Value) bool) {
	ph := &loop.Phase{Kind: loop.Map, Axes: inner}
	for _, v := range k.g.keeps {
		if keep(v) {
			ph.Stores = append(ph.Stores, k.storeOf(v, space, idx))
		}
	}
	if len(ph.Stores) > 0 {
		k.phase(ph)
	}
}

func (k *kernel) buildCopy() {
	v := k.g.copyOf
	idx := k.space(v.Type.Shape)
	value := k.value(v, idx)
	p := &loop.Param{DType: v.Type.DType, Shape: v.Type.Shape, Write: true}
	k.k.Params = append(k.k.Params, p)
	k.args = append(k.args, arg{v: v, shape: v.Type.Shape, write: true, to: &k.g.copyTo})
	k.phase(&loop.Phase{Kind: loop.Map, Stores: []*loop.Store{{Param: p, Index: idx, Value: value}}})
}

func (k *kernel) buildMap() {
	shape := k.g.keeps[0].Type.Shape
	for _, v := range k.g.keeps[1:] { // the shape with the most axes names them all
		if len(v.Type.Shape) > len(shape) {
			shape = v.Type.Shape
		}
	}
	idx := k.space(shape)
	k.mapStores(nil, shape, idx, func(v *ir.Value) bool {
		if !SameSpace(v.Type.Shape, shape) {
			k.fail("shape %v is not the group's %v", v.Type.Shape, shape)
		}
		return true
	})
}

// rows are the points of a group of reductions: a row for each point of outer,
// and along each of them the points of inner.
type rows struct {
	outer, inner []dim.Dim
	idx          []*loop.Expr
	red          []*loop.Axis
	phases       []*loop.Phase
	depth        map[*loop.Result]int // 1 + the phase that leaves it
}

// buildReduce makes the phases of a row group or of serial reductions: those
// that do not wait for each other share a phase.
func (k *kernel) buildReduce() {
	r := &rows{depth: map[*loop.Result]int{}}
	for _, i := range k.g.instrs {
		if _, ok := i.Op.(op.Reducing); !ok {
			continue
		}
		if r.red == nil {
			r.outer = i.Results[0].Type.Shape
			r.idx = k.space(r.outer)
			r.inner = extents(ReduceShape(i).Axes)
			r.red = axes(innerNames[:], r.inner)
		}
		k.addReducers(i, r)
	}
	for _, ph := range r.phases {
		k.phase(ph)
	}
	whole := append(slices.Clone(r.outer), r.inner...)
	isOuter := func(v *ir.Value) bool { return SameSpace(v.Type.Shape, r.outer) }
	k.mapStores(r.red, whole, append(slices.Clone(r.idx), k.points(r.red)...), func(v *ir.Value) bool {
		if !isOuter(v) && !SameSpace(v.Type.Shape, whole) {
			k.fail("shape %v is neither the group's rows %v nor its points %v", v.Type.Shape, r.outer, whole)
			return false
		}
		return !isOuter(v)
	})
	k.mapStores(nil, r.outer, r.idx, isOuter)
}

// addReducers puts a reduction's reducers into the first phase that has all
// they need before it.
func (k *kernel) addReducers(i *ir.Instr, r *rows) {
	if !SameSpace(i.Results[0].Type.Shape, r.outer) {
		k.fail("reduction to %v is not over the group's rows %v", i.Results[0].Type.Shape, r.outer)
		return
	}
	at := alignIndex(k.x, i.Results[0].Type.Shape, r.outer, r.idx)
	spec := i.Op.(op.Reducing).Reduce(k.context(i), k.sources(i), at)
	if !SameSpace(extents(spec.Axes), r.inner) {
		k.fail("reduction over %v is not over the group's %v", extents(spec.Axes), r.inner)
		return
	}
	values := spec.Value(alignIndex(k.x, extents(spec.Axes), r.inner, k.points(r.red)))
	level := 0
	for _, e := range values {
		level = max(level, deepest(e, r.depth, map[*loop.Expr]bool{}))
	}
	for len(r.phases) <= level {
		r.phases = append(r.phases, &loop.Phase{Kind: loop.Reduce, Axes: r.red, Order: spec.Order})
	}
	for n, e := range values {
		out := i.Results[n]
		res := &loop.Result{Name: k.resultName(out), Type: out.Type.DType}
		r.depth[res] = level + 1
		r.phases[level].Reducers = append(r.phases[level].Reducers, &loop.Reducer{Op: spec.Ops[n], Value: e, Result: res})
		k.local[out] = result{k.x.Result(res), at}
	}
}

func (k *kernel) resultName(v *ir.Value) string {
	name := "r" + fmt.Sprint(len(k.local))
	if n := camel(v.Name); n != "" {
		name = n + fmt.Sprint(len(k.local))
	}
	return name
}

func extents(axes []*loop.Axis) []dim.Dim {
	out := make([]dim.Dim, len(axes))
	for i, a := range axes {
		out[i] = a.Extent
	}
	return out
}

// deepest returns the number of phases whose results e waits for.
func deepest(e *loop.Expr, depth map[*loop.Result]int, seen map[*loop.Expr]bool) int {
	if seen[e] {
		return 0
	}
	seen[e] = true
	d := 0
	if e.Op == loop.ResultOf {
		d = depth[e.Result]
	}
	for _, list := range [][]*loop.Expr{e.Args, e.Index} {
		for _, a := range list {
			d = max(d, deepest(a, depth, seen))
		}
	}
	if e.Guard != nil {
		d = max(d, deepest(e.Guard, depth, seen))
	}
	return d
}

func (k *kernel) buildContract() {
	i := k.g.instrs[slices.IndexFunc(k.g.instrs, func(i *ir.Instr) bool { return kindOf(i) == contractKind })]
	out := i.Results[0]
	idx := k.space(out.Type.Shape)
	spec := i.Op.(op.Contracting).Contract(k.context(i), k.sources(i), idx)
	for n, a := range spec.Axes {
		a.Name = axes(innerNames[:], extents(spec.Axes))[n].Name
	}
	red := k.points(spec.Axes)
	ph := &loop.Phase{Kind: loop.Contract, Axes: spec.Axes, A: spec.A(red), B: spec.B(red), Acc: &loop.Result{Name: "acc", Type: out.Type.DType}}
	k.phase(ph)
	k.local[out] = result{k.x.Result(ph.Acc), idx}
	k.mapStores(nil, out.Type.Shape, idx, func(v *ir.Value) bool {
		if !SameSpace(v.Type.Shape, out.Type.Shape) {
			k.fail("shape %v is not the product's %v", v.Type.Shape, out.Type.Shape)
		}
		return true
	})
}

func (k *kernel) buildSequence() {
	i := k.g.instrs[0]
	s := i.Op.(op.Sequencing)
	shape := i.Results[0].Type.Shape
	all := axes(axisNames[:], shape)
	along := all[s.SequenceAxis()]
	k.k.Space = slices.DeleteFunc(slices.Clone(all), func(a *loop.Axis) bool { return a == along })
	idx := k.points(all)
	spec := s.Sequence(k.context(i), k.sources(i), idx)
	if spec.Reverse {
		idx[s.SequenceAxis()] = k.x.Sub(k.x.Sub(k.x.Dim(along.Extent), k.x.Int(1)), idx[s.SequenceAxis()])
		spec = s.Sequence(k.context(i), k.sources(i), idx)
	}
	c := &loop.Carry{Init: spec.Init, Current: &loop.Result{Name: "carry", Type: i.Results[0].Type.DType}}
	c.Next = spec.Next(k.x.Result(c.Current))
	k.phase(&loop.Phase{Kind: loop.Sequence, Axes: []*loop.Axis{along}, Carries: []*loop.Carry{c},
		Stores: []*loop.Store{{Param: k.param(i.Results[0], shape, true), Index: idx, Value: k.x.Next(c)}}})
}

// buildWhole takes an operation's own kernel, whose parameters are its
// arguments and then its results.
func (k *kernel) buildWhole() {
	i := k.g.instrs[0]
	o, ok := i.Op.(op.Kernels)
	if !ok {
		k.fail("%s cannot be lowered", i.Op.Name())
		return
	}
	own := o.LowerKernel(k.context(i))
	if len(own.Params) != len(i.Args)+len(i.Results) {
		k.fail("the kernel of %s has %d parameters for %d arguments and %d results", i.Op.Name(), len(own.Params), len(i.Args), len(i.Results))
		return
	}
	scalars, counters := k.k.Scalars, k.k.Counters
	k.k = own
	k.k.Scalars, k.k.Counters = scalars, counters
	for n, p := range own.Params {
		a := arg{shape: p.Shape}
		if n < len(i.Args) {
			a.v = k.b.root(i.Args[n])
		} else {
			a.v, a.write = i.Results[n-len(i.Args)], true
		}
		k.args = append(k.args, a)
	}
	k.g.keeps = slices.Clone(i.Results) // even one that nobody reads is written
}

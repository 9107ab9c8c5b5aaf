package pass

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// tiler makes the kernels of pass tile. Equal ones are shared.
type tiler struct {
	p      *loop.Program
	names  map[string]bool
	parts  map[string][]*tilePart // by kernel, axes and locals
	from   map[*loop.Kernel][]*tilePart
	tiled  []*loop.Kernel
	byText map[string]*loop.Kernel
}

func newTiler(p *loop.Program) *tiler {
	t := &tiler{p: p, names: map[string]bool{}, parts: map[string][]*tilePart{}, from: map[*loop.Kernel][]*tilePart{}, byText: map[string]*loop.Kernel{}}
	for _, k := range p.Kernels {
		t.names[k.Name] = true
	}
	return t
}

// tilePart is a kernel that does at one tile what another does everywhere, or a
// part of that.
type tilePart struct {
	kernel   *loop.Kernel
	suffix   string // of its name
	when     loop.When
	args     []int // for each parameter, the place of the call's argument, or a local of its own
	scalars  []int // for each of its scalars, the place among the call's
	counters []int // for each of its counters, the position among the point's axes; their number for the first row
}

// The locals that a part has besides the call's arguments.
const (
	blockSum = -1 // of the present block of a contraction
	totalSum = -2
)

// The sizes that parts know of the present tile by these names, or longer ones.
const rowsSize, endSize = "rows", "end"

// tiledKernel is a kernel of parts in the making, with what a call gives it.
type tiledKernel struct {
	t       *tiler
	ch      *chain
	k       *loop.Kernel
	call    *loop.Call
	params  map[*loop.Buffer]*loop.Param
	scalars map[*loop.Scalar]*loop.ScalarParam
	taken   map[string]bool
}

// call makes the kernel of a chain, or finds an equal one, and its call.
func (t *tiler) call(f *loop.Func, ch *chain) *loop.Call {
	first, last := ch.calls[0], ch.calls[len(ch.calls)-1].Kernel
	x := &tiledKernel{t: t, ch: ch, k: &loop.Kernel{}, params: map[*loop.Buffer]*loop.Param{}, scalars: map[*loop.Scalar]*loop.ScalarParam{}, taken: map[string]bool{},
		call: &loop.Call{Origin: first.Origin, Metric: first.Metric, AfterLoss: first.AfterLoss}}
	for _, d := range f.Dims {
		x.taken[d] = true
	}
	for n, d := range ch.locals[0].Shape[:ch.rank] {
		x.k.Space = append(x.k.Space, &loop.Axis{Name: x.name(string(rune('i' + n))), Extent: d})
	}
	if ch.rows != nil {
		rows := &loop.Axis{Name: x.name("row"), Extent: ch.locals[0].Shape[ch.rank]}
		x.k.Tiles = &loop.Tiles{Axis: rows, Size: tileRows, Rows: x.name(rowsSize), End: x.name(endSize), Serial: ch.serial}
	}
	for _, c := range ch.calls {
		x.addParts(c)
	}
	x.k.Space = slices.DeleteFunc(x.k.Space, func(a *loop.Axis) bool { return a.Extent.Is(1) })
	x.k.Dims = loop.UsedDims(x.k)
	for _, d := range x.k.Dims {
		x.call.Dims = append(x.call.Dims, dim.Sym(d))
	}
	x.call.Kernel = t.share(x.k, strings.TrimRight(last.Name, "0123456789")+"Tiled")
	for _, c := range ch.calls {
		for _, o := range c.Kernel.Origins {
			if !slices.Contains(x.call.Kernel.Origins, o) {
				x.call.Kernel.Origins = append(x.call.Kernel.Origins, o)
			}
		}
	}
	return x.call
}

// name takes a name that no other variable of the kernel has.
func (x *tiledKernel) name(base string) string {
	if !x.taken[base] {
		x.taken[base] = true
		return base
	}
	return freeName(x.taken, base)
}

// localParam is a parameter's tensor at one point, and within one tile of rows
// when they are cut.
func localParam(p *loop.Param, rank int, cut bool) *loop.Param {
	l := *p
	l.Shape = slices.Clone(p.Shape[rank:])
	if cut {
		l.Shape[0] = dim.Const(tileRows)
	}
	if p.Layout != nil {
		l.Layout = &loop.Layout{Lane: p.Layout.Lane - rank, Width: p.Layout.Width}
		for _, a := range p.Layout.Rest {
			if a >= rank {
				l.Layout.Rest = append(l.Layout.Rest, a-rank)
			}
		}
	}
	return &l
}

// addParts adds the parts that do what a call does.
func (x *tiledKernel) addParts(c *loop.Call) {
	axes := x.ch.axes[c][:x.ch.rank]
	var local []int
	for n, a := range c.Args {
		if slices.Contains(x.ch.locals, a.Buffer) {
			local = append(local, n)
		}
	}
	row, cut := x.ch.rows[c]
	if !cut {
		row = -1
	}
	own := map[int]*loop.Param{}
	for _, made := range x.t.part(c.Kernel, axes, row, local) {
		x.k.Parts = append(x.k.Parts, x.part(c, made, own))
	}
}

// part calls one of the parts made of a call's kernel. own holds the locals that
// they share.
func (x *tiledKernel) part(c *loop.Call, made *tilePart, own map[int]*loop.Param) *loop.Part {
	part := &loop.Part{Kernel: made.kernel, When: made.when}
	sizes := callSizes(c)
	if x.k.Tiles != nil {
		sizes[freshSize(c.Kernel, rowsSize)] = dim.Sym(x.k.Tiles.Rows)
		sizes[freshSize(c.Kernel, endSize)] = dim.Sym(x.k.Tiles.End)
	}
	for _, d := range made.kernel.Dims {
		part.Dims = append(part.Dims, sizes[d])
	}
	for n, at := range made.args {
		p := made.kernel.Params[n]
		if at >= 0 {
			part.Args = append(part.Args, x.param(c.Args[at].Buffer, p))
			continue
		}
		if own[at] == nil {
			l := &loop.Param{Name: x.name(p.Name), DType: p.DType, Read: true, Write: true}
			for _, d := range p.Shape {
				l.Shape = append(l.Shape, d.Subst(sizes))
			}
			own[at] = l
			x.k.Locals = append(x.k.Locals, l)
		}
		part.Args = append(part.Args, own[at])
	}
	for _, n := range made.scalars {
		part.Scalars = append(part.Scalars, x.scalar(c.Scalars[n]))
	}
	for _, n := range made.counters {
		if n == x.ch.rank {
			part.Counters = append(part.Counters, x.k.Tiles.Axis)
		} else {
			part.Counters = append(part.Counters, x.k.Space[n])
		}
	}
	return part
}

// param returns the kernel's parameter or local for a buffer, which one of its
// parts uses.
func (x *tiledKernel) param(b *loop.Buffer, use *loop.Param) *loop.Param {
	p := x.params[b]
	switch {
	case p != nil:
	case slices.Contains(x.ch.locals, b):
		p = localParam(&loop.Param{Name: x.name(use.Name), DType: b.DType, Shape: b.Shape, Layout: b.Layout, Read: true, Write: true}, x.ch.rank, x.ch.rows != nil)
		x.k.Locals = append(x.k.Locals, p)
	default:
		p = &loop.Param{Name: x.name(use.Name), DType: b.DType, Shape: b.Shape, Layout: b.Layout}
		x.k.Params = append(x.k.Params, p)
		x.call.Args = append(x.call.Args, loop.Arg{Buffer: b})
	}
	x.params[b] = p
	// A part may read what one before it wrote.
	p.Read, p.Write = p.Read || use.Read && !p.Write, p.Write || use.Write
	return p
}

func (x *tiledKernel) scalar(s *loop.Scalar) *loop.ScalarParam {
	p := x.scalars[s]
	if p == nil {
		p = &loop.ScalarParam{Name: x.name(s.Name), DType: s.DType}
		x.scalars[s] = p
		x.k.Scalars = append(x.k.Scalars, p)
		x.call.Scalars = append(x.call.Scalars, s)
	}
	return p
}

// share returns an equal kernel from before, or names k.
func (t *tiler) share(k *loop.Kernel, name string) *loop.Kernel {
	text := loop.NeutralCopy(k).String()
	if old := t.byText[text]; old != nil {
		return old
	}
	k.Name = name
	if t.names[name] {
		k.Name = freeName(t.names, name)
	}
	t.names[k.Name] = true
	t.byText[text] = k
	t.tiled = append(t.tiled, k)
	return k
}

// part returns the parts that do at one point what k does everywhere: the point's
// axes, given by their places in the space, become counters, and the parameters at
// the given places lose their leading axes. The axis at row, unless that is -1,
// counts the rows of a tile, which a counter says the first of.
func (t *tiler) part(k *loop.Kernel, axes []int, row int, local []int) []*tilePart {
	key := fmt.Sprintf("%p %v %d %v", k, axes, row, local)
	if old := t.parts[key]; old != nil {
		return old
	}
	var made []*tilePart
	if row == sumOverRows {
		made = t.sums(k, axes, local)
	} else {
		w := newPartWriter(k, axes, local, row != -1)
		if row != -1 {
			w.cut(w.all[row])
		}
		made = []*tilePart{w.finish()}
	}
	t.parts[key] = made
	t.from[k] = append(t.from[k], made...)
	return made
}

// freshSize returns a name that no size of a kernel has.
func freshSize(k *loop.Kernel, name string) string {
	taken := map[string]bool{}
	for _, d := range k.Dims {
		taken[d] = true
	}
	if !taken[name] {
		return name
	}
	return freeName(taken, name)
}

// partWriter turns the copy of a kernel into a part.
type partWriter struct {
	k, c   *loop.Kernel
	made   *tilePart
	all    []*loop.Axis // the space before the point's axes left it
	rank   int
	place  map[*loop.Axis]int // axes that become counters
	inside map[*loop.Param]bool
	origin map[*loop.Param]int // the places of the call's arguments
	row    *loop.Axis
	at     *loop.Expr // the position in a tile
}

func newPartWriter(k *loop.Kernel, axes, local []int, tiles bool) *partWriter {
	c := loop.CopyKernel(k)
	w := &partWriter{k: k, c: c, made: &tilePart{kernel: c}, all: c.Space, rank: len(axes),
		place: map[*loop.Axis]int{}, inside: map[*loop.Param]bool{}, origin: map[*loop.Param]int{}}
	for n, at := range axes {
		if at >= 0 {
			w.place[c.Space[at]] = n
		}
	}
	for n, p := range c.Params {
		w.origin[p] = n
	}
	for _, n := range local {
		p := c.Params[n]
		w.inside[p] = true
		*p = *localParam(p, len(axes), tiles)
	}
	c.Space = slices.DeleteFunc(slices.Clone(c.Space), func(a *loop.Axis) bool { _, is := w.place[a]; return is })
	return w
}

// cut makes an axis count the rows of a tile.
func (w *partWriter) cut(row *loop.Axis) {
	w.row = row
	w.at = &loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: row}
	row.Extent = dim.Sym(freshSize(w.k, rowsSize))
}

// own adds a parameter for a local of the part's own, with an element for each
// point of the space, and returns it with the point's index.
func (w *partWriter) own(which int, name string) (*loop.Param, []*loop.Expr) {
	p := &loop.Param{Name: freshParam(w.c, name), DType: dim.Float32, Shape: extents(w.c.Space)}
	w.c.Params = append(w.c.Params, p)
	w.origin[p] = which
	b := loop.NewBuilder()
	var index []*loop.Expr
	for _, a := range w.c.Space {
		index = append(index, b.Axis(a))
	}
	return p, index
}

// finish rewrites what the part computes and drops what it does not need.
func (w *partWriter) finish() *tilePart {
	w.rewrite()
	c := w.c
	c.Params = slices.DeleteFunc(c.Params, func(p *loop.Param) bool {
		written := slices.ContainsFunc(stores(c), func(s *loop.Store) bool { return s.Param == p })
		p.Read, p.Write = loop.ReadsParam(c, p), written
		return !p.Read && !p.Write
	})
	for _, p := range c.Params {
		w.made.args = append(w.made.args, w.origin[p])
	}
	used := map[*loop.ScalarParam]bool{}
	eachExpr(c, func(e *loop.Expr) { used[e.Scalar] = true })
	scalars := c.Scalars
	c.Scalars = nil
	for n, s := range scalars {
		if used[s] {
			c.Scalars = append(c.Scalars, s)
			w.made.scalars = append(w.made.scalars, n)
		}
	}
	c.Dims = loop.UsedDims(c)
	return w.made
}

func extents(axes []*loop.Axis) []dim.Dim {
	out := make([]dim.Dim, len(axes))
	for i, a := range axes {
		out[i] = a.Extent
	}
	return out
}

func (w *partWriter) rewrite() {
	for _, s := range stores(w.c) {
		if w.inside[s.Param] {
			s.Index = w.index(s.Index)
		}
	}
	eachExpr(w.c, func(e *loop.Expr) {
		if e.Op == loop.Load && w.inside[e.Param] {
			e.Index = w.index(e.Index)
		}
	})
	eachExpr(w.c, func(e *loop.Expr) {
		if e.Op != loop.AxisVar || e == w.at {
			return
		}
		if n, is := w.place[e.Axis]; is {
			*e = *w.counter(e.Axis.Name, n)
		} else if e.Axis == w.row {
			*e = loop.Expr{Op: loop.Add, Type: e.Type, Args: []*loop.Expr{w.counter(w.row.Name+"0", w.rank), w.at}}
		}
	})
}

// index is that of an element within the part's point and tile.
func (w *partWriter) index(index []*loop.Expr) []*loop.Expr {
	index = slices.Clone(index[w.rank:])
	if w.row != nil {
		index[0] = w.at
	}
	return index
}

func (w *partWriter) counter(name string, n int) *loop.Expr {
	if !slices.Contains(w.made.counters, n) {
		w.c.Counters = append(w.c.Counters, name)
		w.made.counters = append(w.made.counters, n)
	}
	return &loop.Expr{Op: loop.Counter, Type: dim.Int64, Name: name}
}

// finish puts the new kernels into the program and drops those that no call
// uses any more.
func (t *tiler) finish() {
	used := usedKernels(t.p)
	var kernels []*loop.Kernel
	known := map[*loop.Kernel]bool{}
	left := t.tiled
	for _, k := range t.p.Kernels {
		made := t.from[k]
		if used[k] || len(made) == 0 {
			kernels = append(kernels, k)
		}
		own := !used[k] // the name is free
		for _, part := range made {
			part.kernel.Name = k.Name + part.suffix
			if part.suffix == "" && own {
				own = false
			} else if t.names[part.kernel.Name] {
				part.kernel.Name = freeName(t.names, part.kernel.Name)
			}
			t.names[part.kernel.Name] = true
			kernels = append(kernels, part.kernel)
			known[part.kernel] = true
		}
		var later []*loop.Kernel
		for _, x := range left {
			if slices.ContainsFunc(x.Parts, func(p *loop.Part) bool { return !known[p.Kernel] }) {
				later = append(later, x)
				continue
			}
			x.Doc = describeParts(x)
			kernels = append(kernels, x)
		}
		left = later
	}
	t.p.Kernels = kernels
}

// describeParts says what a kernel of parts computes, from what its parts do.
func describeParts(k *loop.Kernel) string {
	var names []string
	for _, p := range k.Parts {
		names = append(names, p.Kernel.Name)
	}
	return strings.Join(names, ", ") + " at each point, one after another"
}

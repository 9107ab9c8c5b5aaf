package codegen

import (
	"fmt"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelPlan says how the plain Go form of a kernel is cut into items: equal
// pieces of its space that workers take one by one.
type kernelPlan struct {
	kernel *loop.Kernel // flattened where that is possible
	name   string       // the Go function
	split  []*loop.Axis // leading axes of Space, walked as one; nil: a single item
	chunk  int64        // their points in an item
	tiles  *contractTiles
}

// The work that an item should have, in rough nanoseconds, so that taking one
// costs little and the last one is not waited for long.
const (
	itemWork   = 20_000
	serialWork = 8_000 // a kernel below it is one item
	unknownDim = 64    // taken for a symbolic size
)

// planKernel decides the cut from shapes alone.
func planKernel(k *loop.Kernel, name string) *kernelPlan {
	if f := flatten(k); f != nil {
		k = f
	}
	pl := &kernelPlan{kernel: k, name: name}
	if t := tileContract(k); t != nil {
		pl.tiles = t
		pl.chunk = max(1, itemWork/max(1, t.work(k)))
		return pl
	}
	if len(k.Space) == 0 {
		return pl
	}
	work := pointWork(k)
	for i := len(k.Space) - 1; i >= 0; i-- {
		if i == 0 || work*extentGuess(k.Space[i]) > 4*itemWork {
			pl.split = k.Space[:i+1]
			break
		}
		work *= extentGuess(k.Space[i])
	}
	pl.chunk = max(1, itemWork/max(1, work))
	if n, ok := dim.Product(extents(k.Space)).Int(); ok && n <= 1<<40 && n*pointWork(k) < serialWork {
		pl.split = nil
	}
	return pl
}

// single reports whether the kernel is always one item.
func (pl *kernelPlan) single() bool { return pl.tiles == nil && pl.split == nil }

// items returns the number of items over the given sizes.
func (pl *kernelPlan) items(env map[string]expr) expr {
	if pl.single() {
		return num(1)
	}
	if pl.tiles != nil {
		return ceilDiv(pl.tiles.count(func(d dim.Dim) expr { return dimExpr(d, env) }), pl.chunk)
	}
	return ceilDiv(dimExpr(dim.Product(extents(pl.split)), env), pl.chunk)
}

// ceilDiv is x/n rounded up; x is not negative.
func ceilDiv(x expr, n int64) expr { return bin("/", bin("+", x, num(n-1)), num(n)) }

func extents(axes []*loop.Axis) []dim.Dim {
	out := make([]dim.Dim, len(axes))
	for i, a := range axes {
		out[i] = a.Extent
	}
	return out
}

func extentGuess(a *loop.Axis) int64 {
	if n, ok := a.Extent.Int(); ok {
		return min(n, 1<<20)
	}
	return unknownDim
}

// pointWork estimates the nanoseconds of one point of the space.
func pointWork(k *loop.Kernel) int64 {
	var sum int64
	for _, ph := range k.Phases {
		seen := map[*loop.Expr]bool{}
		var w int64
		loop.PhaseExprs(ph, func(e *loop.Expr) { w += exprWork(e, seen) })
		if ph.Kind == loop.Contract {
			w += 3
		}
		n := int64(1)
		for _, a := range ph.Axes {
			n = min(n*extentGuess(a), 1<<30)
		}
		sum = min(sum+max(1, w)*n, 1<<30)
	}
	return sum
}

func exprWork(e *loop.Expr, seen map[*loop.Expr]bool) int64 {
	if e == nil || seen[e] {
		return 0
	}
	seen[e] = true
	w := int64(0)
	switch e.Op {
	case loop.CallFn:
		w = 30
	case loop.FMA, loop.Sqrt, loop.Div:
		w = 4
	case loop.Const, loop.AxisVar, loop.DimVar, loop.ScalarArg, loop.ResultOf, loop.NextOf, loop.Counter:
	default:
		w = 1
	}
	for _, a := range e.Args {
		w += exprWork(a, seen)
	}
	for _, a := range e.Index {
		w += exprWork(a, seen)
	}
	return w + exprWork(e.Guard, seen)
}

// signature returns the parameters of a kernel's function: slices, sizes,
// scalars, counters and, unless it is a single item, the half-open range of items.
func (pl *kernelPlan) signature(n *names) []field {
	k := pl.kernel
	var list []field
	for _, q := range k.Params {
		list = append(list, field{name: n.local(q.Name), typ: "[]" + goTypes[q.DType]})
	}
	for _, d := range k.Dims {
		list = append(list, field{name: n.local(d), typ: "int"})
	}
	for _, s := range k.Scalars {
		list = append(list, field{name: n.local(s.Name), typ: goTypes[s.DType]})
	}
	for _, c := range k.Counters {
		list = append(list, field{name: n.local(c), typ: "int"})
	}
	if !pl.single() {
		list = append(list, field{name: n.local("lo"), typ: "int"}, field{name: n.local("hi"), typ: "int"})
	}
	return list
}

// kernelDoc is the comment above a kernel: what it computes, the model lines it
// came from, and the shapes of its slices.
func (pl *kernelPlan) kernelDoc(params []field) string {
	k := pl.kernel
	var b strings.Builder
	what := oneLine(k.Doc)
	if what == "" {
		what = describePhases(k)
	}
	fmt.Fprintf(&b, "%s computes %s.\n", pl.name, what)
	for i, o := range k.Origins {
		if o.Line == 0 {
			continue
		}
		if i == 0 || k.Origins[i-1].Line == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "\t%s:%d  %s\n", oneLine(o.File), o.Line, oneLine(o.Label))
	}
	b.WriteString("\n")
	for i, q := range k.Params {
		rw := "reads"
		switch {
		case q.Read && q.Write:
			rw = "updates"
		case q.Write:
			rw = "writes"
		}
		fmt.Fprintf(&b, "\t%s %s %s\n", rw, params[i].name, shapeText(q.Shape, q.Layout))
	}
	switch {
	case pl.tiles != nil:
		fmt.Fprintf(&b, "\n%s\n", itemText(pl))
	case pl.split != nil:
		fmt.Fprintf(&b, "\nAn item is %d of %s.\n", pl.chunk, axisNames(pl.split))
	}
	return strings.TrimRight(b.String(), "\n")
}

func axisNames(axes []*loop.Axis) string {
	var parts []string
	for _, a := range axes {
		parts = append(parts, fmt.Sprintf("%s < %s", a.Name, a.Extent))
	}
	return "the points (" + strings.Join(parts, ", ") + ")"
}

func describePhases(k *loop.Kernel) string {
	var parts []string
	for _, ph := range k.Phases {
		if s := ph.Kind.String(); len(parts) == 0 || parts[len(parts)-1] != s {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

func shapeText(shape []dim.Dim, l *loop.Layout) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = d.String()
	}
	s := "[" + strings.Join(parts, ", ") + "]"
	if l != nil {
		s += fmt.Sprintf(" in panels of %d along axis %d", l.Width, l.Lane)
	}
	return s
}

// printKernel writes the kernel's function. pkg holds the package's names.
func printKernel(s *source, pl *kernelPlan, pkg *names) error {
	local := newNames(pkg)
	params := pl.signature(local)
	p := newPrinter(pl, params, local)
	b := &body{}
	p.push(b, false)
	switch {
	case pl.tiles != nil:
		p.contractBody(pl)
	case pl.single():
		p.space(pl.kernel.Space, pl)
	default:
		p.items(pl)
	}
	if p.err != nil {
		return p.err
	}
	if b.count > maxStatements {
		return fmt.Errorf("kernel %s takes %d statements, more than the %d that the Go compiler can digest", pl.name, b.count, maxStatements)
	}
	s.fn(pl.kernelDoc(params), pl.name, params, nil, func(f *body) { *f = *b })
	return nil
}

// maxStatements caps straight-line code: the Go compiler's time grows faster
// than its length.
const maxStatements = 1000

func newPrinter(pl *kernelPlan, params []field, local *names) *printer {
	k := pl.kernel
	p := &printer{
		kernel: k, build: loop.NewBuilder(), names: local,
		params: map[*loop.Param]expr{}, dims: map[string]expr{}, scalars: map[*loop.ScalarParam]expr{}, counters: map[string]expr{},
		axes: map[*loop.Axis]func() expr{}, axisAt: map[*loop.Axis]int{}, results: map[*loop.Result]expr{}, resultAt: map[*loop.Result]int{},
		next: map[*loop.Carry]expr{}, written: map[*loop.Param]bool{},
	}
	at := 0
	take := func() expr {
		at++
		return id(params[at-1].name)
	}
	for _, q := range k.Params {
		p.params[q] = take()
		p.written[q] = q.Write
	}
	for _, d := range k.Dims {
		p.dims[d] = take()
	}
	for _, s := range k.Scalars {
		p.scalars[s] = take()
	}
	for _, c := range k.Counters {
		p.counters[c] = take()
	}
	return p
}

// items walks the points of the split axes that the items hold.
func (p *printer) items(pl *kernelPlan) {
	total := p.dim(dim.Product(extents(pl.split)))
	from := bin("*", id("lo"), num(pl.chunk))
	to := call(id("min"), bin("*", id("hi"), num(pl.chunk)), total)
	rest := pl.kernel.Space[len(pl.split):]
	if len(pl.split) == 1 {
		if len(rest) == 0 && p.rowPhase() {
			p.flatRow(pl, from, to)
			return
		}
		a := pl.split[0]
		name := p.names.local(a.Name)
		defer p.names.free(name)
		p.out().forStep(name, from, to, 1, func(b *body) {
			p.enter(b, a, always(id(name)))
			p.space(rest, pl)
			p.pop()
		})
		return
	}
	name := p.names.local("point")
	defer p.names.free(name)
	p.out().forStep(name, from, to, 1, func(b *body) {
		p.push(b, false)
		p.unflatten(always(id(name)), pl.split)
		p.space(rest, pl)
		p.pop()
	})
}

// rowPhase reports whether the kernel is one map without axes of its own, whose
// loop over the last axis of the space can cut rows.
func (p *printer) rowPhase() bool {
	return len(p.kernel.Phases) == 1 && p.kernel.Phases[0].Kind == loop.Map && len(p.kernel.Phases[0].Axes) == 0
}

// flatRow is the loop of a map over one axis, on slices cut to the items' range.
func (p *printer) flatRow(pl *kernelPlan, from, to expr) {
	a := pl.split[0]
	first := p.here("from", from)
	size := p.here("count", bin("-", to, first))
	p.loopRow(a, first, size, func() { p.phase(p.kernel.Phases[0]) })
}

// enter starts the scope of a loop over a.
func (p *printer) enter(b *body, a *loop.Axis, at func() expr) {
	p.push(b, false)
	p.axes[a] = at
	p.axisAt[a] = p.depth()
}

// unflatten binds axes from a position in their row-major product. Each gets a
// name when it is first used.
func (p *printer) unflatten(at func() expr, axes []*loop.Axis) {
	home := p.top()
	after := dim.Const(1)
	for i := len(axes) - 1; i >= 0; i-- {
		a, stride := axes[i], after
		after = after.Mul(a.Extent)
		p.axisAt[a] = p.depth()
		if n, ok := a.Extent.Int(); ok && n <= 1 {
			p.axes[a] = always(num(0))
			continue
		}
		var named *expr
		p.axes[a] = func() expr {
			if named == nil {
				v := bin("/", at(), p.dim(stride))
				if i > 0 {
					v = bin("%", v, p.dim(a.Extent))
				}
				if v.ops > 0 {
					v = p.define(home, a.Name, v)
				}
				named = &v
			}
			return *named
		}
	}
}

// space loops over the remaining axes and writes the phases at each point.
func (p *printer) space(axes []*loop.Axis, pl *kernelPlan) {
	if len(axes) == 0 {
		for _, ph := range p.kernel.Phases {
			p.phase(ph)
		}
		return
	}
	if len(axes) == 1 && p.rowPhase() && !axes[0].Extent.Is(1) {
		p.loopRow(axes[0], num(0), p.dim(axes[0].Extent), func() { p.phase(p.kernel.Phases[0]) })
		return
	}
	p.loop(axes[0], func() { p.space(axes[1:], pl) })
}

// loop counts an axis; one of a single position needs no loop.
func (p *printer) loop(a *loop.Axis, f func()) {
	if a.Extent.Is(1) {
		p.axes[a], p.axisAt[a] = always(num(0)), 0
		f()
		return
	}
	c := &counter{name: p.names.local(a.Name)}
	defer p.names.free(c.name)
	p.out().forCounter(c, p.dim(a.Extent), func(b *body) {
		p.enter(b, a, c.use)
		f()
		p.pop()
	})
}

// loopRow counts an axis from first, size times, as an innermost loop that walks
// rows: slices cut before it.
func (p *printer) loopRow(a *loop.Axis, first, size expr, f func()) {
	c := &counter{name: p.names.local(a.Name)}
	defer p.names.free(c.name)
	p.out().forCounter(c, size, func(b *body) {
		p.enter(b, a, func() expr { return bin("+", first, c.use()) })
		p.walk(a, first, size, c.use)
		f()
		p.rowAxis = nil
		p.pop()
	})
}

// walk makes rows possible in the loop that was just entered.
func (p *printer) walk(a *loop.Axis, first, size expr, index func() expr) {
	p.rowAxis, p.rowFirst, p.rowSize, p.rowIndex = a, first, size, index
}

// loops nests loops over axes; the last one walks rows.
func (p *printer) loops(axes []*loop.Axis, f func()) {
	switch {
	case len(axes) == 0:
		f()
	case len(axes) == 1 && !axes[0].Extent.Is(1):
		p.loopRow(axes[0], num(0), p.dim(axes[0].Extent), f)
	default:
		p.loop(axes[0], func() { p.loops(axes[1:], f) })
	}
}

func itemText(pl *kernelPlan) string {
	if pl.chunk == 1 {
		return fmt.Sprintf("An item is a tile of %s.", pl.tiles)
	}
	return fmt.Sprintf("An item is %d tiles of %s.", pl.chunk, pl.tiles)
}

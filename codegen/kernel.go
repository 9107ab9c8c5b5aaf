package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelPlan says how the plain Go form of a kernel is cut into items: equal
// pieces of its space that workers take one by one.
type kernelPlan struct {
	kernel   *loop.Kernel // flattened where that is possible, with names for sizes
	name     string       // of the first of the members
	function string       // in Go
	split    []*loop.Axis // leading axes of Space, walked as one; none: a single item
	chunk    dim.Dim      // their points, or tiles, in an item
	tiles    *contractTiles

	members []*loop.Kernel          // that share the function
	sizes   []field                 // constants that differ among them
	scalars []*loop.ScalarParam     // the sizes that are no whole numbers
	values  map[*loop.Kernel][]expr // of the sizes
	fields  []field                 // the arguments but for sizes and the range of items
	args    string                  // the struct of the arguments
	typ     string                  // the struct of the sizes
	worker  bool                    // workers run it: it takes args
}

// The work that an item should have, in rough nanoseconds, so that taking one
// costs little and the last one is not waited for long.
const (
	itemWork   = 20_000
	serialWork = 8_000 // a kernel below it is one item
	unknownDim = 64    // taken for a symbolic size
)

// single reports whether the kernel is always one item.
func (pl *kernelPlan) single() bool { return pl.tiles == nil && len(pl.split) == 0 }

// items returns the number of items over the given sizes.
func (pl *kernelPlan) items(env map[string]expr) expr {
	if pl.single() {
		return num(1)
	}
	n := dimExpr(dim.Product(extents(pl.split)), env)
	if pl.tiles != nil {
		n = pl.tiles.count(func(d dim.Dim) expr { return dimExpr(d, env) })
	}
	chunk := dimExpr(pl.chunk, env)
	if chunk.isInt {
		return ceilDiv(n, chunk.number)
	}
	return bin("/", bin("-", bin("+", n, chunk), num(1)), chunk)
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

// signature returns a kernel's arguments: slices, sizes, scalars and counters.
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
	return list
}

// kernelDoc is the comment above a kernel: what it computes, the model lines it
// came from, and the shapes of its slices.
func (pl *kernelPlan) kernelDoc() string {
	k, params := pl.kernel, pl.fields
	var b strings.Builder
	origins := pl.origins()
	what := pl.computes()
	end := "."
	if len(origins) > 0 {
		end = ":"
	}
	fmt.Fprintf(&b, "%s computes %s%s\n", pl.function, what, end)
	for i, o := range origins[:min(len(origins), quoted)] {
		if i == 0 {
			b.WriteString("\n")
		}
		label := oneLine(o.Label)
		if strings.HasPrefix(label, "optimizer ") { // its arguments concern the whole model
			label, _, _ = strings.Cut(label, "(")
		}
		fmt.Fprintf(&b, "\t%s:%d  %s\n", oneLine(o.File), o.Line, label)
	}
	if more := otherLines(origins); more != "" {
		fmt.Fprintf(&b, "\tand %s\n", more)
	}
	b.WriteString("\n")
	for i := 0; i < len(k.Params); {
		does, shape, list := paramDoc(k.Params[i]), shapeText(k.Params[i].Shape, k.Params[i].Layout), params[i].name
		for i++; i < len(k.Params) && paramDoc(k.Params[i]) == does && shapeText(k.Params[i].Shape, k.Params[i].Layout) == shape; i++ {
			list += ", " + params[i].name
		}
		fmt.Fprintf(&b, "\t%s %s %s\n", does, list, shape)
	}
	switch {
	case pl.tiles != nil:
		fmt.Fprintf(&b, "\n%s\n", itemText(pl))
	case len(pl.split) > 0 && pl.chunk.Is(1):
		fmt.Fprintf(&b, "\nAn item is a point %s.\n", axisNames(pl.split))
	case len(pl.split) > 0:
		fmt.Fprintf(&b, "\nAn item is %s points %s.\n", pl.chunk, axisNames(pl.split))
	}
	return strings.TrimRight(b.String(), "\n")
}

// computes says what a kernel is for: its own words, or what it writes.
func (pl *kernelPlan) computes() string {
	what, _, _ := strings.Cut(oneLine(pl.kernel.Doc), ":") // its operations are in the lines of the model
	if strings.HasPrefix(what, "a ") || strings.HasPrefix(what, "the ") {
		return what
	}
	var list []string
	for i, q := range pl.kernel.Params {
		if q.Write {
			list = append(list, pl.fields[i].name)
		}
	}
	return strings.Join(list, ", ")
}

// quoted is how many of the model's lines a kernel's comment quotes.
const quoted = 3

// otherLines names the model's lines that are not quoted by their numbers.
func otherLines(origins []loop.Origin) string {
	var out strings.Builder
	file := ""
	seen := map[string]bool{}
	for i, o := range origins {
		place := fmt.Sprintf("%s:%d", o.File, o.Line)
		if seen[place] || i < quoted {
			seen[place] = true
			continue
		}
		seen[place] = true
		if out.Len() > 0 {
			out.WriteString(", ")
		}
		if o.File != file {
			out.WriteString(oneLine(o.File) + ":")
			file = o.File
		}
		fmt.Fprint(&out, o.Line)
	}
	return out.String()
}

// paramDoc says what a kernel does with a parameter.
func paramDoc(q *loop.Param) string {
	switch {
	case q.Read && q.Write:
		return "updates"
	case q.Write:
		return "writes"
	}
	return "reads"
}

// origins are the model lines of all members.
func (pl *kernelPlan) origins() (list []loop.Origin) {
	for _, m := range pl.members {
		for _, o := range m.Origins {
			if o.Line != 0 && !slices.Contains(list, o) {
				list = append(list, o)
			}
		}
	}
	return list
}

func axisNames(axes []*loop.Axis) string {
	var parts []string
	for _, a := range axes {
		parts = append(parts, fmt.Sprintf("%s < %s", a.Name, a.Extent))
	}
	return "(" + strings.Join(parts, ", ") + ")"
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
	p := newPrinter(pl, pkg)
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
	p.pop()
	if p.err != nil {
		return p.err
	}
	if b.count > maxStatements {
		return fmt.Errorf("kernel %s takes %d statements, more than the %d that the Go compiler can digest", pl.function, b.count, maxStatements)
	}
	s.fn(pl.kernelDoc(), pl.function, pl.formal(), nil, func(f *body) {
		if pl.worker {
			p.unpack(f)
		}
		f.list, f.count = append(f.list, b.list...), f.count+b.count
	})
	return nil
}

// formal are the parameters of the kernel's function.
func (pl *kernelPlan) formal() (list []field) {
	if !pl.worker {
		return slices.Concat(pl.fields, pl.sizes)
	}
	list = append(list, field{name: "a", typ: "*" + pl.args})
	if len(pl.sizes) > 0 {
		list = append(list, field{name: "n", typ: pl.typ})
	}
	return append(list, field{name: "lo", typ: "int"}, field{name: "hi", typ: "int"})
}

// unpack gives names to the slices that the kernel indexes: Go would read the
// struct at each element.
func (p *printer) unpack(b *body) {
	var list []string
	var values []expr
	for _, q := range p.kernel.Params {
		if f := p.fields[q]; p.indexed[q] {
			list = append(list, p.params[q].path())
			values = append(values, f)
		}
	}
	if len(list) > 0 {
		b.multi(list, ":=", values...)
	}
}

// maxStatements caps straight-line code: the Go compiler's time grows faster
// than its length.
const maxStatements = 1000

func newPrinter(pl *kernelPlan, pkg *names) *printer {
	k := pl.kernel
	p := &printer{
		kernel: k, build: loop.NewBuilder(), names: newNames(pkg),
		params: map[*loop.Param]expr{}, fields: map[*loop.Param]expr{}, indexed: map[*loop.Param]bool{},
		dims: map[string]expr{}, scalars: map[*loop.ScalarParam]expr{}, counters: map[string]expr{},
		axes: map[*loop.Axis]func() expr{}, axisAt: map[*loop.Axis]int{}, results: map[*loop.Result]expr{}, resultAt: map[*loop.Result]int{}, read: map[*loop.Result]bool{},
		next: map[*loop.Carry]expr{}, written: map[*loop.Param]bool{},
	}
	for _, f := range pl.formal() {
		p.names.used[f.name] = f.name
	}
	at := 0
	take := func() expr {
		at++
		if pl.worker {
			return id("a." + pl.fields[at-1].name)
		}
		return id(pl.fields[at-1].name)
	}
	for _, q := range k.Params {
		p.fields[q] = take()
		p.params[q] = p.fields[q]
		if pl.worker {
			p.params[q] = id(p.names.local(q.Name))
		}
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
	pl.bind(p.dims, "n")
	for _, s := range pl.scalars {
		p.scalars[s] = pl.size(s.Name, "n")
	}
	return p
}

// bind adds the sizes that are whole numbers to those of a kernel's arguments.
func (pl *kernelPlan) bind(env map[string]expr, owner string) map[string]expr {
	for _, s := range pl.sizes {
		if s.typ == "int" {
			env[s.name] = pl.size(s.name, owner)
		}
	}
	return env
}

// size is a size of the members by its name.
func (pl *kernelPlan) size(name, owner string) expr {
	if pl.worker {
		return id(owner + "." + name)
	}
	return id(name)
}

// items walks the points of the split axes that the items hold.
func (p *printer) items(pl *kernelPlan) {
	total, chunk := p.dim(dim.Product(extents(pl.split))), p.dim(pl.chunk)
	from := bin("*", id("lo"), chunk)
	to := call(id("min"), bin("*", id("hi"), chunk), total)
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
		if n, ok := a.Extent.Int(); ok && n <= 1 || stride.Is(0) { // of nothing there is no position
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
				if v.ops > 0 && a.Name != "" {
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
	if pl.chunk.Is(1) {
		return fmt.Sprintf("An item is a tile of %s.", pl.tiles)
	}
	return fmt.Sprintf("An item is %s tiles of %s.", pl.chunk, pl.tiles)
}

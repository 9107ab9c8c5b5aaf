package loop

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Parse reads the text form of a program, as Program.String prints it.
// Expressions are rebuilt by one Builder, so a printed program that came from
// a Builder keeps its sharing.
func Parse(text string) (prog *Program, err error) {
	p := &parser{text: text, line: 1, build: NewBuilder(), prog: &Program{}, kernels: map[string]*Kernel{}, vars: map[string]*Var{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case parseError:
			prog, err = nil, e
		default:
			panic(e)
		}
	}()
	p.next()
	p.program()
	return p.prog, nil
}

// parseError is a refusal with its line; the parser unwinds with it.
type parseError struct {
	line int
	msg  string
}

// Error gives line and message.
func (e parseError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.msg) }

type parser struct {
	text    string
	pos     int
	line    int
	tok     string // "" at the end; a string literal keeps its quotes
	tokPos  int
	prog    *Program
	kernels map[string]*Kernel
	vars    map[string]*Var
	build   *Builder

	// of the kernel being read
	axes    map[string]*Axis
	params  map[string]*Param
	scalars map[string]*ScalarParam
	results map[string]*Result
	carries map[string]*Carry
	lets    map[string]*Expr
}

func (p *parser) fail(format string, args ...any) {
	panic(parseError{p.line, fmt.Sprintf(format, args...)})
}

func (p *parser) next() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		if p.text[p.pos] == '\n' {
			p.line++
		}
		p.pos++
	}
	start := p.pos
	p.tokPos = start
	if start >= len(p.text) {
		p.tok = ""
		return
	}
	switch c := p.text[start]; {
	case isWord(c):
		for p.pos < len(p.text) && (isWord(p.text[p.pos]) || p.numberPart(start)) {
			p.pos++
		}
	case c == '"':
		q, err := strconv.QuotedPrefix(p.text[start:])
		if err != nil {
			p.fail("bad string")
		}
		p.pos += len(q)
	default:
		p.pos++
	}
	p.tok = p.text[start:p.pos]
}

// numberPart reports whether the present byte continues a number: a point, or
// the sign of an exponent.
func (p *parser) numberPart(start int) bool {
	c := p.text[p.pos]
	if c == '.' {
		return true
	}
	digit := p.text[start] >= '0' && p.text[start] <= '9'
	return digit && (c == '+' || c == '-') && strings.IndexByte("eE", p.text[p.pos-1]) >= 0 && !strings.HasPrefix(p.text[start:], "0x")
}

func isWord(c byte) bool {
	return c == '_' || c == '%' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *parser) accept(tok string) bool {
	if p.tok != tok {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(tok string) {
	if !p.accept(tok) {
		p.fail("want %q, have %q", tok, p.tok)
	}
}

func (p *parser) word() string {
	s := p.tok
	if s == "" || !isWord(s[0]) {
		p.fail("want a word, have %q", s)
	}
	p.next()
	return s
}

func (p *parser) str() string {
	s, err := strconv.Unquote(p.tok)
	if err != nil {
		p.fail("want a string, have %q", p.tok)
	}
	p.next()
	return s
}

func (p *parser) int() int {
	sign := 1
	if p.accept("-") {
		sign = -1
	}
	n, err := strconv.Atoi(p.tok)
	if err != nil {
		p.fail("want a number, have %q", p.tok)
	}
	p.next()
	return sign * n
}

func (p *parser) dtype() dim.DType {
	w := p.word()
	t, ok := dim.ParseDType(w)
	if !ok {
		p.fail("unknown type %q", w)
	}
	return t
}

// list reads "(" item {"," item} ")".
func (p *parser) list(item func()) {
	p.expect("(")
	for p.tok != ")" {
		item()
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
}

func (p *parser) words() []string {
	out := []string{p.word()}
	for p.accept(",") {
		out = append(out, p.word())
	}
	return out
}

// dim reads a dimension: sums of products of numbers, symbols and floor(a / b).
func (p *parser) dim() dim.Dim {
	var sum dim.Dim
	neg := p.accept("-")
	for {
		t := p.dimProduct()
		if neg {
			t = t.Neg()
		}
		sum = sum.Add(t)
		switch {
		case p.accept("+"):
			neg = false
		case p.accept("-"):
			neg = true
		default:
			return sum
		}
	}
}

func (p *parser) dimProduct() dim.Dim {
	d := p.dimAtom()
	for p.accept("*") {
		d = d.Mul(p.dimAtom())
	}
	return d
}

func (p *parser) dimAtom() dim.Dim {
	w := p.word()
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return dim.Const(n)
	}
	if w != "floor" || p.tok != "(" {
		return dim.Sym(w)
	}
	p.expect("(")
	num := p.dim()
	p.expect("/")
	den := p.dim()
	p.expect(")")
	return num.FloorDiv(den)
}

// tensor reads a type, a shape and perhaps a layout.
func (p *parser) tensor() (t dim.DType, shape []dim.Dim, l *Layout) {
	t = p.dtype()
	p.expect("[")
	for p.tok != "]" {
		shape = append(shape, p.dim())
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	if p.accept("layout") {
		l = &Layout{Lane: p.int(), Width: p.int()}
		p.list(func() { l.Rest = append(l.Rest, p.int()) })
	}
	return t, shape, l
}

func (p *parser) origin() (o Origin) {
	if p.accept("origin") {
		o = Origin{Line: p.int(), File: p.str(), Label: p.str()}
	}
	return o
}

func (p *parser) optDoc() string {
	if p.accept("doc") {
		return p.str()
	}
	return ""
}

func (p *parser) program() {
	p.expect("program")
	p.prog.Name, p.prog.File = p.word(), p.str()
	p.prog.Doc = p.optDoc()
	for p.accept("arg") {
		name := p.word()
		p.expect("=")
		p.prog.Args = append(p.prog.Args, NamedText{name, p.str()})
	}
	for p.accept("var") {
		v := &Var{Name: p.str(), Kind: p.word()}
		v.DType, v.Shape, v.Layout = p.tensor()
		v.Ident = p.str()
		v.Frozen = p.accept("frozen")
		if p.accept("owner") {
			v.Owner = p.word()
		}
		v.Origin = p.origin()
		p.vars[v.Name] = v
		p.prog.Vars = append(p.prog.Vars, v)
	}
	for p.accept("kernel") {
		k := p.kernel()
		if p.kernels[k.Name] != nil {
			p.fail("kernel %s twice", k.Name)
		}
		p.kernels[k.Name] = k
		p.prog.Kernels = append(p.prog.Kernels, k)
	}
	for p.accept("func") {
		p.prog.Funcs = append(p.prog.Funcs, p.fn())
	}
	if p.tok != "" {
		p.fail("unexpected %q", p.tok)
	}
}

func (p *parser) kernel() *Kernel {
	k := &Kernel{Name: p.word()}
	p.axes, p.params, p.scalars = map[string]*Axis{}, map[string]*Param{}, map[string]*ScalarParam{}
	p.results, p.carries, p.lets = map[string]*Result{}, map[string]*Carry{}, map[string]*Expr{}
	p.expect("{")
	k.Doc = p.optDoc()
	for p.tok == "origin" {
		k.Origins = append(k.Origins, p.origin())
	}
	if p.accept("dims") {
		k.Dims = p.words()
	}
	for p.accept("param") {
		v := &Param{Name: p.word()}
		v.DType, v.Shape, v.Layout = p.tensor()
		v.Read, v.Write = p.accept("read"), p.accept("write")
		p.params[v.Name] = v
		k.Params = append(k.Params, v)
	}
	for p.accept("scalar") {
		s := &ScalarParam{Name: p.word(), DType: p.dtype()}
		p.scalars[s.Name] = s
		k.Scalars = append(k.Scalars, s)
	}
	if p.accept("counters") {
		k.Counters = p.words()
	}
	for p.accept("local") {
		v := &Param{Name: p.word(), Read: true, Write: true}
		v.DType, v.Shape, v.Layout = p.tensor()
		p.params[v.Name] = v
		k.Locals = append(k.Locals, v)
	}
	p.expect("space")
	k.Space = p.axisList()
	if p.accept("tiles") {
		k.Tiles = p.tiles()
	}
	for !p.accept("}") {
		if p.accept("part") {
			k.Parts = append(k.Parts, p.part())
		} else {
			k.Phases = append(k.Phases, p.phase())
		}
	}
	return k
}

func (p *parser) tiles() *Tiles {
	axes := p.axisList()
	if len(axes) != 1 {
		p.fail("tiles cut one axis, not %d", len(axes))
	}
	t := &Tiles{Axis: axes[0]}
	p.expect("by")
	t.Size = int64(p.int())
	p.expect("rows")
	t.Rows = p.word()
	p.expect("end")
	t.End = p.word()
	t.Serial = p.accept("serial")
	return t
}

func (p *parser) part() *Part {
	name := p.word()
	q := &Part{Kernel: p.kernels[name]}
	if q.Kernel == nil {
		p.fail("unknown kernel %q", name)
	}
	p.list(func() {
		p.word() // the parameter's name, for readers
		p.expect("=")
		q.Args = append(q.Args, lookup(p, p.params, "parameter"))
	})
	if p.accept("dims") {
		p.list(func() { q.Dims = append(q.Dims, p.dim()) })
	}
	if p.accept("scalars") {
		p.list(func() { q.Scalars = append(q.Scalars, lookup(p, p.scalars, "scalar")) })
	}
	if p.accept("counters") {
		p.list(func() { q.Counters = append(q.Counters, lookup(p, p.axes, "axis")) })
	}
	for w := AtFirst; w <= AtLast; w++ {
		if p.accept(w.String()) {
			q.When = w
		}
	}
	return q
}

// lookup reads the name of something declared above, or fails.
func lookup[T any](p *parser, table map[string]*T, what string) *T {
	name := p.word()
	v := table[name]
	if v == nil {
		p.fail("unknown %s %q", what, name)
	}
	return v
}

func (p *parser) axisList() (axes []*Axis) {
	p.list(func() {
		a := &Axis{Name: p.word()}
		p.expect("<")
		a.Extent = p.dim()
		if old := p.axes[a.Name]; old != nil && old.Extent.Equal(a.Extent) {
			a = old // phases share an axis, and expressions over it
		}
		p.axes[a.Name] = a
		axes = append(axes, a)
	})
	return axes
}

// indexOf finds a word in a table of names, or fails.
func indexOf(p *parser, table []string, what string) int {
	w := p.word()
	for i, n := range table {
		if n == w {
			return i
		}
	}
	p.fail("unknown %s %q", what, w)
	return 0
}

func (p *parser) phase() *Phase {
	ph := &Phase{Kind: PhaseKind(indexOf(p, phaseNames[:], "phase"))}
	ph.Axes = p.axisList()
	if ph.Kind == Reduce {
		ph.Order = ReduceOrder(indexOf(p, orderNames[:], "order"))
	}
	p.expect("{")
	for !p.accept("}") {
		p.phaseLine(ph)
	}
	return ph
}

func (p *parser) phaseLine(ph *Phase) {
	switch {
	case strings.HasPrefix(p.tok, "%"):
		name := p.word()
		p.expect("=")
		p.lets[name] = p.expr()
	case p.accept("store"):
		s := p.target()
		p.expect("=")
		s.Value = p.expr()
		if p.accept("if") {
			s.If = p.expr()
		}
		ph.Stores = append(ph.Stores, s)
	case p.accept("carry"):
		p.carry(ph)
	case p.accept("keys"):
		ph.Sort = &SortSpec{Value: p.expr()}
		p.expect("keep")
		ph.Sort.Keep = p.dim()
		ph.Sort.Descending = p.accept("descending")
	case ph.Sort != nil && p.accept("values"):
		ph.Sort.Values = p.target()
	case ph.Sort != nil && p.accept("positions"):
		ph.Sort.Positions = p.target()
	case ph.Kind == Reduce:
		r := &Reducer{Result: p.result()}
		p.expect("=")
		r.Op = Combiner(indexOf(p, combinerNames[:], "combiner"))
		r.Value = p.expr()
		ph.Reducers = append(ph.Reducers, r)
	case ph.Kind == Contract:
		ph.Acc = p.result()
		p.expect("=")
		ph.A = p.expr()
		p.expect("*")
		ph.B = p.expr()
		if p.accept("from") {
			ph.Init = p.expr()
		}
	default:
		p.fail("unexpected %q in a %s phase", p.tok, ph.Kind)
	}
}

func (p *parser) result() *Result {
	r := &Result{Name: p.word(), Type: p.dtype()}
	p.results[r.Name] = r
	return r
}

func (p *parser) carry(ph *Phase) {
	c := &Carry{Current: p.result()}
	p.carries[c.Current.Name] = c
	p.expect("=")
	c.Init = p.expr()
	p.expect("then")
	c.Next = p.expr()
	ph.Carries = append(ph.Carries, c)
}

func (p *parser) target() *Store {
	name := p.word()
	s := &Store{Param: p.params[name]}
	if s.Param == nil {
		p.fail("unknown parameter %q", name)
	}
	s.Index = p.indices()
	return s
}

func (p *parser) indices() (idx []*Expr) {
	p.expect("[")
	for p.tok != "]" {
		idx = append(idx, p.expr())
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	return idx
}

// scalarExpr reads a host scalar's prefix form.
func (p *parser) scalarExpr() *scalar.Expr {
	if p.tok == "-" || p.tok == "+" || p.tok != "" && p.tok[0] >= '0' && p.tok[0] <= '9' || p.tok == "NaN" || p.tok == "Inf" {
		return scalar.Num(p.float(64))
	}
	w := p.word()
	switch w {
	case "step":
		return scalar.StepNumber()
	case "dim":
		p.expect("(")
		d := p.dim()
		p.expect(")")
		return scalar.OfDim(d)
	case "input":
		p.expect("(")
		name := p.word()
		p.expect(")")
		return &scalar.Expr{Op: scalar.Input, Name: name}
	}
	op, ok := scalar.ParseOp(w)
	if !ok {
		p.fail("unknown scalar operation %q", w)
	}
	e := &scalar.Expr{Op: op}
	p.list(func() { e.Args = append(e.Args, p.scalarExpr()) })
	return e
}

// float reads a number with an optional sign.
func (p *parser) float(size int) float64 {
	sign := ""
	if p.tok == "-" || p.tok == "+" {
		sign = p.tok
		p.next()
	}
	v, err := strconv.ParseFloat(sign+p.tok, size)
	if err != nil {
		p.fail("want a number, have %q", sign+p.tok)
	}
	p.next()
	return v
}

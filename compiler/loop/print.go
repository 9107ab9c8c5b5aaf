package loop

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
)

var opNames = [...]string{
	Const: "const", AxisVar: "axis", DimVar: "dim", Counter: "counter", ScalarArg: "scalar", ResultOf: "result", NextOf: "next", Load: "load",
	Add: "add", Sub: "sub", Mul: "mul", Div: "div", Mod: "mod", FloorDiv: "floordiv", Neg: "neg", Abs: "abs", FMA: "fma", Sqrt: "sqrt",
	Floor: "floor", Round: "round", Min: "min", Max: "max", Lt: "lt", Le: "le", Eq: "eq", Ne: "ne", And: "and", Or: "or", Xor: "xor", Not: "not",
	Shl: "shl", Shr: "shr", MulHi: "mulhi", Select: "select", Cast: "cast", Bitcast: "bitcast", CallFn: "call",
}

// String returns the operation's word in IR text.
func (o Op) String() string { return opNames[o] }

var (
	phaseNames    = [...]string{Map: "map", Reduce: "reduce", Contract: "contract", Sequence: "sequence", ScatterAdd: "scatter_add", Sort: "sort"}
	orderNames    = [...]string{Lanes: "lanes", Serial: "serial"}
	combinerNames = [...]string{Sum: "sum", Prod: "prod", MaxOf: "max", MinOf: "min", ArgMaxOf: "argmax", ArgMinOf: "argmin", AnyOf: "any", AllOf: "all"}
	whenNames     = [...]string{Always: "always", AtFirst: "at_first", AtBlock: "at_block", AtLast: "at_last"}
	bufferNames   = [...]string{Temp: "temp", Input: "input", Output: "output", Stored: "stored", Table: "table"}
)

// String returns the kind's word in IR text.
func (k PhaseKind) String() string { return phaseNames[k] }

// String returns the order's word in IR text.
func (o ReduceOrder) String() string { return orderNames[o] }

// String returns the combiner's word in IR text.
func (c Combiner) String() string { return combinerNames[c] }

// String returns the choice's word in IR text.
func (w When) String() string { return whenNames[w] }

// String returns the kind's word in IR text.
func (k BufferKind) String() string { return bufferNames[k] }

// String returns the program as text that Parse reads back.
func (p *Program) String() string {
	w := &printer{}
	w.line("program %s %s", p.Name, strconv.Quote(p.File))
	w.doc(p.Doc)
	for _, a := range p.Args {
		w.line("arg %s = %s", a.Name, strconv.Quote(a.Text))
	}
	for _, v := range p.Vars {
		w.line("var %s", varText(v))
	}
	for _, k := range p.Kernels {
		w.line("")
		w.kernel(k)
	}
	for _, f := range p.Funcs {
		w.line("")
		w.fn("func", f)
	}
	return w.String()
}

// String returns the kernel as text.
func (k *Kernel) String() string {
	w := &printer{}
	w.kernel(k)
	return w.String()
}

type printer struct {
	strings.Builder
	depth int
	names map[*Expr]string // shared expressions already printed as let lines
}

func (w *printer) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if s != "" {
		w.WriteString(strings.Repeat("  ", w.depth))
		w.WriteString(s)
	}
	w.WriteByte('\n')
}

func (w *printer) doc(s string) {
	if s != "" {
		w.line("doc %s", strconv.Quote(s))
	}
}

func (w *printer) origins(list ...Origin) {
	for _, o := range list {
		if o != (Origin{}) {
			w.line("origin %d %s %s", o.Line, strconv.Quote(o.File), strconv.Quote(o.Label))
		}
	}
}

func typeText(t dim.DType, shape []dim.Dim, l *Layout) string {
	s := t.Short() + "[" + dimsText(shape) + "]"
	if l != nil {
		rest := make([]string, len(l.Rest))
		for i, a := range l.Rest {
			rest[i] = strconv.Itoa(a)
		}
		s += fmt.Sprintf(" layout %d %d (%s)", l.Lane, l.Width, strings.Join(rest, ", "))
	}
	return s
}

func dimsText(shape []dim.Dim) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = d.String()
	}
	return strings.Join(parts, ", ")
}

func varText(v *Var) string {
	s := fmt.Sprintf("%s %s %s %s", strconv.Quote(v.Name), v.Kind, typeText(v.DType, v.Shape, v.Layout), strconv.Quote(v.Ident))
	if v.Frozen {
		s += " frozen"
	}
	if v.Owner != "" {
		s += " owner " + v.Owner
	}
	if o := v.Origin; o != (Origin{}) {
		s += fmt.Sprintf(" origin %d %s %s", o.Line, strconv.Quote(o.File), strconv.Quote(o.Label))
	}
	return s
}

func (w *printer) kernel(k *Kernel) {
	w.line("kernel %s {", k.Name)
	w.depth++
	w.doc(k.Doc)
	w.origins(k.Origins...)
	if len(k.Dims) > 0 {
		w.line("dims %s", strings.Join(k.Dims, ", "))
	}
	for _, p := range k.Params {
		s := fmt.Sprintf("param %s %s", p.Name, typeText(p.DType, p.Shape, p.Layout))
		if p.Read {
			s += " read"
		}
		if p.Write {
			s += " write"
		}
		w.line("%s", s)
	}
	for _, s := range k.Scalars {
		w.line("scalar %s %s", s.Name, s.DType.Short())
	}
	if len(k.Counters) > 0 {
		w.line("counters %s", strings.Join(k.Counters, ", "))
	}
	for _, l := range k.Locals {
		w.line("local %s %s", l.Name, typeText(l.DType, l.Shape, l.Layout))
	}
	w.line("space %s", axesText(k.Space))
	if t := k.Tiles; t != nil {
		serial := ""
		if t.Serial {
			serial = " serial"
		}
		w.line("tiles %s by %d rows %s end %s%s", axesText([]*Axis{t.Axis}), t.Size, t.Rows, t.End, serial)
	}
	w.names = map[*Expr]string{}
	for _, ph := range k.Phases {
		w.phase(ph)
	}
	for _, p := range k.Parts {
		w.part(p)
	}
	w.depth--
	w.line("}")
}

func (w *printer) part(p *Part) {
	args := make([]string, len(p.Args))
	for i, a := range p.Args {
		args[i] = p.Kernel.Params[i].Name + " = " + a.Name
	}
	s := fmt.Sprintf("part %s(%s)", p.Kernel.Name, strings.Join(args, ", "))
	if len(p.Dims) > 0 {
		s += " dims (" + dimsText(p.Dims) + ")"
	}
	if len(p.Scalars) > 0 {
		names := make([]string, len(p.Scalars))
		for i, v := range p.Scalars {
			names[i] = v.Name
		}
		s += " scalars (" + strings.Join(names, ", ") + ")"
	}
	if len(p.Counters) > 0 {
		names := make([]string, len(p.Counters))
		for i, a := range p.Counters {
			names[i] = a.Name
		}
		s += " counters (" + strings.Join(names, ", ") + ")"
	}
	if p.When != Always {
		s += " " + p.When.String()
	}
	w.line("%s", s)
}

func axesText(axes []*Axis) string {
	parts := make([]string, len(axes))
	for i, a := range axes {
		parts[i] = a.Name + " < " + a.Extent.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// PhaseExprs calls visit for every root expression of a phase, in order of
// printing.
func PhaseExprs(ph *Phase, visit func(*Expr)) {
	one := func(e *Expr) {
		if e != nil {
			visit(e)
		}
	}
	store := func(s *Store, value bool) {
		if s == nil {
			return
		}
		for _, e := range s.Index {
			visit(e)
		}
		if value {
			one(s.Value)
		}
		one(s.If)
	}
	for _, r := range ph.Reducers {
		one(r.Value)
	}
	one(ph.A)
	one(ph.B)
	one(ph.Init)
	for _, c := range ph.Carries {
		one(c.Init)
		one(c.Next)
	}
	for _, s := range ph.Stores {
		store(s, true)
	}
	if s := ph.Sort; s != nil {
		one(s.Value)
		store(s.Values, false)
		store(s.Positions, false)
	}
}

func (w *printer) phase(ph *Phase) {
	head := ph.Kind.String() + " " + axesText(ph.Axes)
	if ph.Kind == Reduce {
		head += " " + ph.Order.String()
	}
	w.line("%s {", head)
	w.depth++
	w.lets(ph)
	for _, r := range ph.Reducers {
		w.line("%s %s = %s %s", r.Result.Name, r.Result.Type.Short(), r.Op, w.text(r.Value))
	}
	if ph.Kind == Contract {
		from := ""
		if ph.Init != nil {
			from = " from " + w.text(ph.Init)
		}
		w.line("%s %s = %s * %s%s", ph.Acc.Name, ph.Acc.Type.Short(), w.text(ph.A), w.text(ph.B), from)
	}
	for _, c := range ph.Carries {
		w.line("carry %s %s = %s then %s", c.Current.Name, c.Current.Type.Short(), w.text(c.Init), w.text(c.Next))
	}
	for _, s := range ph.Stores {
		w.line("%s", w.store(s))
	}
	if s := ph.Sort; s != nil {
		text := fmt.Sprintf("keys %s keep %s", w.text(s.Value), s.Keep)
		if s.Descending {
			text += " descending"
		}
		w.line("%s", text)
		if s.Values != nil {
			w.line("values %s", w.target(s.Values))
		}
		if s.Positions != nil {
			w.line("positions %s", w.target(s.Positions))
		}
	}
	w.depth--
	w.line("}")
}

func (w *printer) target(s *Store) string {
	return s.Param.Name + "[" + w.list(s.Index) + "]"
}

func (w *printer) store(s *Store) string {
	text := "store " + w.target(s) + " = " + w.text(s.Value)
	if s.If != nil {
		text += " if " + w.text(s.If)
	}
	return text
}

// lets prints a line for each expression that the phase uses more than once and
// that is more than a name.
func (w *printer) lets(ph *Phase) {
	uses := map[*Expr]int{}
	var order []*Expr // operands before users
	var count func(e *Expr)
	count = func(e *Expr) {
		uses[e]++
		if uses[e] > 1 || w.names[e] != "" {
			return
		}
		for _, a := range e.Index {
			count(a)
		}
		if e.Guard != nil {
			count(e.Guard)
		}
		for _, a := range e.Args {
			count(a)
		}
		order = append(order, e)
	}
	PhaseExprs(ph, count)
	for _, e := range order {
		if uses[e] > 1 && (len(e.Args) > 0 || e.Op == Load) {
			text := w.text(e)
			name := "%" + strconv.Itoa(len(w.names)+1)
			w.line("%s = %s", name, text)
			w.names[e] = name
		}
	}
}

func (w *printer) list(es []*Expr) string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = w.text(e)
	}
	return strings.Join(parts, ", ")
}

func (w *printer) text(e *Expr) string {
	if n := w.names[e]; n != "" {
		return n
	}
	switch e.Op {
	case Const:
		return constText(e)
	case AxisVar:
		return e.Axis.Name
	case DimVar:
		return "dim(" + e.Dim.String() + ")"
	case Counter:
		return "counter(" + e.Name + ")"
	case ScalarArg:
		return e.Scalar.Name
	case ResultOf:
		return e.Result.Name
	case NextOf:
		return "next(" + e.Carry.Current.Name + ")"
	case Load:
		s := e.Param.Name + "[" + w.list(e.Index) + "]"
		if e.Guard != nil {
			s = "guard(" + w.text(e.Guard) + ", " + s + ", " + w.text(e.Args[0]) + ")"
		}
		return s
	case Cast, Bitcast:
		return e.Op.String() + "." + e.Type.Short() + "(" + w.text(e.Args[0]) + ")"
	case CallFn:
		return e.Fn.Name + "!(" + w.list(e.Args) + ")"
	}
	return e.Op.String() + "(" + w.list(e.Args) + ")"
}

// ExprText returns an expression as text, for messages and tests; shared parts
// are repeated.
func ExprText(e *Expr) string { return (&printer{}).text(e) }

func constText(e *Expr) string {
	switch {
	case e.Type == dim.Int64:
		return strconv.FormatInt(int64(e.Bits), 10)
	case e.Type == dim.Bool:
		return strconv.FormatBool(e.Bits != 0)
	case e.Type == dim.Float32:
		return "f32(" + floatText(float64(math.Float32frombits(uint32(e.Bits))), 32) + ")"
	case e.Type == dim.Float64:
		return "f64(" + floatText(math.Float64frombits(e.Bits), 64) + ")"
	case e.Type.IsFloat(), e.Type == dim.Uint32:
		return fmt.Sprintf("%s(0x%x)", e.Type.Short(), e.Bits)
	}
	return fmt.Sprintf("%s(%d)", e.Type.Short(), int64(wrapInt(e.Type, e.Bits)))
}

func floatText(v float64, size int) string {
	s := strconv.FormatFloat(v, 'g', -1, size)
	return strings.TrimPrefix(s, "+")
}

// Print returns the program as text; it is Program.String as a function.
func Print(p *Program) string { return p.String() }

package codegen

import (
	"math"
	"strconv"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlc-go/mlc/compiler/dim"
)

// This file and file.go are the only ones that name jennifer. They add what it
// leaves to its callers: operator precedence, exact literals, comments that cannot
// turn into block comments, and blocks that can still grow while an inner block
// is being written, which is how values are hoisted out of loops.

// runtimePath is the import path of the runtime; generated code calls it mlrt.
const runtimePath = "github.com/mlc-go/mlc/runtime"

// Precedences of Go's operators; a primary expression never needs parentheses.
const (
	precOr = iota + 1
	precAnd
	precCompare
	precAdd
	precMul
	precUnary
	precPrimary
)

var precedence = map[string]int{
	"||": precOr, "&&": precAnd,
	"==": precCompare, "!=": precCompare, "<": precCompare, "<=": precCompare, ">": precCompare, ">=": precCompare,
	"+": precAdd, "-": precAdd, "|": precAdd, "^": precAdd,
	"*": precMul, "/": precMul, "%": precMul, "<<": precMul, ">>": precMul, "&": precMul, "&^": precMul,
}

// expr is a Go expression. It is immutable and may be used in several places.
type expr struct {
	code    *jen.Statement
	prec    int
	untyped bool  // a constant that takes its type from where it stands
	ops     int   // operators in it, a measure of how hard it is to read
	number  int64 // value of an integer constant
	isInt   bool  // number is valid
	bare    *expr // a product without its rounding
	name    string
}

func primary(code *jen.Statement) expr { return expr{code: code, prec: precPrimary} }

// id is a name of the package or a local one, or a path of fields: "r.batch".
func id(name string) expr {
	parts := strings.Split(name, ".")
	code := jen.Id(parts[0])
	for _, p := range parts[1:] {
		code = code.Dot(p)
	}
	e := primary(code)
	e.name = name
	return e
}

// std is a name of a package of the standard library.
func std(path, name string) expr { return primary(jen.Qual(path, name)) }

// rt is a name of the runtime.
func rt(name string) expr { return primary(typeCode("mlrt." + name)) }

// num is an integer constant.
func num(n int64) expr {
	e := expr{code: jen.Op(strconv.FormatInt(n, 10)), prec: precPrimary, untyped: true, number: n, isInt: true}
	if n < 0 {
		e.prec = precUnary
	}
	return e
}

// text is a string constant.
func text(s string) expr {
	return expr{code: jen.Op(strconv.Quote(s)), prec: precPrimary, untyped: true}
}

// float is the float32 or float64 with the given IEEE bits, exactly.
func float(t dim.DType, bits uint64) expr {
	v, size, name := math.Float64frombits(bits), 64, "float64"
	if t == dim.Float32 {
		v, size, name = float64(math.Float32frombits(uint32(bits))), 32, "float32"
	}
	switch {
	case v != v:
		return convert(name, call(std("math", "NaN")))
	case math.IsInf(v, 0):
		return convert(name, call(std("math", "Inf"), num(int64(math.Copysign(1, v)))))
	case v == 0 && math.Signbit(v):
		return convert(name, call(std("math", "Copysign"), num(0), num(-1)))
	}
	e := expr{code: jen.Op(strconv.FormatFloat(v, 'g', -1, size)), prec: precPrimary, untyped: true}
	if v < 0 {
		e.prec = precUnary
	}
	return e
}

// path is the name that id made e from, empty for other expressions.
func (e expr) path() string { return e.name }

// parens puts e in parentheses where it is not primary.
func parens(e expr) expr {
	if e.prec < precPrimary {
		return expr{code: jen.Parens(e.code), prec: precPrimary, ops: e.ops}
	}
	return e
}

// lineCall is call with each argument on its own line.
func lineCall(f expr, args ...expr) expr {
	list := make([]jen.Code, len(args))
	for i, a := range args {
		list[i] = a.code
	}
	code := jen.Add(f.in(precPrimary)).Custom(jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, list...)
	return expr{code: code, prec: precPrimary, ops: 1}
}

// in returns e as an operand of an operator with precedence prec.
func (e expr) in(prec int) *jen.Statement {
	if e.prec < prec {
		return jen.Parens(e.code)
	}
	return jen.Add(e.code)
}

// bin applies a binary operator. Integer constants are folded, and zero and one
// disappear where they change nothing.
func bin(op string, a, b expr) expr {
	if a.isInt && b.isInt {
		if r, ok := foldInt(op, a.number, b.number); ok {
			return num(r)
		}
	}
	switch {
	case op == "+" && a.isInt && a.number == 0:
		return b
	case (op == "+" || op == "-") && b.isInt && b.number == 0:
		return a
	case op == "+" && b.isInt && b.number < 0:
		return bin("-", a, num(-b.number))
	case op == "*" && a.isInt && a.number == 1:
		return b
	case (op == "*" || op == "/") && b.isInt && b.number == 1:
		return a
	case op == "*" && (a.isInt && a.number == 0 || b.isInt && b.number == 0):
		return num(0)
	}
	return binRaw(op, a, b)
}

// binRaw is bin for operands that are not integers: nothing is simplified.
func binRaw(op string, a, b expr) expr {
	p := precedence[op]
	return expr{
		code: jen.Add(a.in(p)).Op(op).Add(b.in(p + 1)), prec: p, ops: a.ops + b.ops + 1,
		untyped: a.untyped && b.untyped && p > precCompare,
	}
}

func foldInt(op string, a, b int64) (int64, bool) {
	const limit = 1 << 31
	if a < -limit || a > limit || b < -limit || b > limit {
		return 0, false
	}
	switch {
	case op == "+":
		return a + b, true
	case op == "-":
		return a - b, true
	case op == "*":
		return a * b, true
	case op == "/" && b > 0 && a >= 0:
		return a / b, true
	case op == "%" && b > 0 && a >= 0:
		return a % b, true
	}
	return 0, false
}

// unary applies a prefix operator: "-", "!", "^", "&" or "*".
func unary(op string, a expr) expr {
	return expr{code: jen.Op(op).Add(a.in(precUnary + 1)), prec: precUnary, ops: a.ops + 1, untyped: a.untyped}
}

// call calls f.
func call(f expr, args ...expr) expr {
	list := make([]jen.Code, len(args))
	ops := 1
	for i, a := range args {
		list[i] = a.code
		ops += a.ops
	}
	return expr{code: jen.Add(f.in(precPrimary)).Call(list...), prec: precPrimary, ops: ops}
}

// convert converts e to the Go type t.
func convert(t string, e expr) expr { return call(primary(typeCode(t)), e) }

// spread passes the elements of a slice as arguments.
func spread(e expr) expr { return primary(jen.Add(e.in(precPrimary)).Op("...")) }

// index is a[i].
func index(a, i expr) expr {
	return expr{code: jen.Add(a.in(precPrimary)).Index(i.code), prec: precPrimary, ops: a.ops + i.ops}
}

// slice is a[from:to]; nil leaves a side out.
func slice(a expr, from, to *expr) expr {
	lo, hi := jen.Empty(), jen.Empty()
	ops := a.ops + 1
	if from != nil && !(from.isInt && from.number == 0) {
		lo = from.code
		ops += from.ops
	}
	if to != nil {
		hi = to.code
		ops += to.ops
	}
	return expr{code: jen.Add(a.in(precPrimary)).Index(lo, hi), prec: precPrimary, ops: ops}
}

// dot selects a field or method.
func dot(a expr, name string) expr {
	return expr{code: jen.Add(a.in(precPrimary)).Dot(name), prec: precPrimary, ops: a.ops}
}

// assert is the type assertion a.(t).
func assert(a expr, t string) expr {
	return primary(jen.Add(a.in(precPrimary)).Assert(typeCode(t)))
}

// field is a name with a type: a parameter, a struct field or a composite's key.
type field struct {
	name, typ string
	comment   string // after a struct field
	above     string // before a struct field
	apart     bool   // a struct field with an empty line before it
}

// typeCode turns the text of a Go type into code. Types of the runtime and the
// standard library are written with their package's name, as in "mlrt.Tensor".
func typeCode(t string) *jen.Statement {
	switch {
	case t == "":
		return jen.Empty()
	case strings.HasPrefix(t, "[]"):
		return jen.Index().Add(typeCode(t[2:]))
	case strings.HasPrefix(t, "*"):
		return jen.Op("*").Add(typeCode(t[1:]))
	case strings.HasPrefix(t, "["):
		n, rest, _ := strings.Cut(t[1:], "]")
		return jen.Index(jen.Op(n)).Add(typeCode(rest))
	case strings.HasPrefix(t, "func("):
		in, out, _ := strings.Cut(t[len("func("):], ")")
		var params []jen.Code
		for _, p := range strings.FieldsFunc(in, func(r rune) bool { return r == ',' }) {
			params = append(params, typeCode(strings.TrimSpace(p)))
		}
		s := jen.Func().Params(params...)
		if out = strings.TrimSpace(out); out != "" {
			s = s.Add(resultCode(strings.Split(strings.Trim(out, "()"), ",")))
		}
		return s
	}
	if base, args, ok := strings.Cut(t, "<"); ok { // generic: "iter.Seq2<A, B>"
		var list []jen.Code
		for _, a := range strings.Split(strings.TrimSuffix(args, ">"), ",") {
			list = append(list, typeCode(strings.TrimSpace(a)))
		}
		return typeCode(base).Types(list...)
	}
	pkg, name, ok := strings.Cut(t, ".")
	if !ok {
		return jen.Id(t)
	}
	return jen.Qual(importPath(pkg), name)
}

// imports are the packages that generated code may import: the name it uses,
// then the path.
var imports = [...][2]string{
	{"mlrt", runtimePath}, {"bytes", "bytes"}, {"context", "context"}, {"embed", "embed"}, {"errors", "errors"}, {"fmt", "fmt"}, {"fs", "io/fs"},
	{"io", "io"}, {"iter", "iter"}, {"math", "math"}, {"os", "os"}, {"rand", "math/rand/v2"}, {"slices", "slices"}, {"sync", "sync"},
	{"testing", "testing"},
}

func importPath(name string) string {
	for _, i := range imports {
		if i[0] == name {
			return i[1]
		}
	}
	panic("codegen: no import path for package " + name)
}

func resultCode(types []string) *jen.Statement {
	list := make([]jen.Code, len(types))
	for i, t := range types {
		list[i] = typeCode(strings.TrimSpace(t))
	}
	if len(list) == 1 {
		return jen.Add(list[0])
	}
	return jen.Params(list...)
}

// body is a list of statements that can still grow.
type body struct {
	list  []jen.Code
	count int // statements, inner ones included
}

func (b *body) add(c jen.Code) {
	b.list = append(b.list, c)
	b.count++
}

// comment writes lines of a comment, each on its own line.
func (b *body) comment(lines ...string) {
	for _, l := range lines {
		b.list = append(b.list, comment(l)...)
	}
}

// comment turns text into line comments. A blank after the slashes keeps
// directives inert; every kind of line break starts a new comment.
func comment(s string) []jen.Code {
	var out []jen.Code
	for _, l := range lines(s) {
		if l == "" {
			out = append(out, jen.Comment("//"))
			continue
		}
		out = append(out, jen.Comment("// "+l))
	}
	return out
}

// lines splits text at everything that a reader or a tool may take for a line
// break, and drops control characters.
func lines(s string) []string {
	out := strings.FieldsFunc(strings.ReplaceAll(s, "\n", " \n"), func(r rune) bool {
		return r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029
	})
	for i, l := range out {
		out[i] = strings.TrimRight(strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' || r == 0x7f || r == 0xfeff {
				return -1
			}
			return r
		}, l), " \t")
	}
	return out
}

// define declares a local with the value e.
func (b *body) define(name string, e expr) expr {
	b.add(jen.Id(name).Op(":=").Add(e.code))
	return id(name)
}

// declare declares a local of type t with the zero value.
func (b *body) declare(name, t string) expr {
	b.add(jen.Var().Id(name).Add(typeCode(t)))
	return id(name)
}

// set assigns.
func (b *body) set(to, e expr) { b.add(jen.Add(to.code).Op("=").Add(e.code)) }

// update is an assignment with an operator: "+=".
func (b *body) update(to expr, op string, e expr) { b.add(jen.Add(to.code).Op(op).Add(e.code)) }

// multi assigns or defines several values at once.
func (b *body) multi(names []string, op string, values ...expr) {
	var left, right []jen.Code
	for _, n := range names {
		left = append(left, id(n).code)
	}
	for _, v := range values {
		right = append(right, v.code)
	}
	b.add(jen.List(left...).Op(op).List(right...))
}

// assignTwo is "a, b = call".
func assignTwo(a, b, e expr) jen.Code { return jen.List(a.code, b.code).Op("=").Add(e.code) }

// do makes an expression a statement.
func (b *body) do(e expr) { b.add(jen.Add(e.code)) }

// inc adds one.
func (b *body) inc(e expr) { b.add(jen.Add(e.code).Op("++")) }

// ret returns values.
func (b *body) ret(values ...expr) {
	list := make([]jen.Code, len(values))
	for i, v := range values {
		list[i] = v.code
	}
	b.add(jen.Return(list...))
}

// deferred defers a call.
func (b *body) deferred(e expr) { b.add(jen.Defer().Add(e.code)) }

// ifErrPanic panics when e, an error, is not nil.
func ifErrPanic(e expr) jen.Code {
	return jen.If(jen.Err().Op(":=").Add(e.code), jen.Err().Op("!=").Nil()).Block(jen.Panic(jen.Err()))
}

// inner writes a nested block and returns it.
func (b *body) inner(f func(*body)) []jen.Code {
	n := &body{}
	f(n)
	b.count += n.count
	return n.list
}

// forRange counts name from 0 to n-1.
func (b *body) forRange(name string, n expr, f func(*body)) {
	list := b.inner(f)
	b.add(jen.For(jen.Id(name).Op(":=").Range().Add(n.code)).Block(list...))
}

// forCounter is forRange with a variable that is left out when nothing uses it.
func (b *body) forCounter(c *counter, n expr, f func(*body)) {
	list := b.inner(f)
	head := jen.For(jen.Range().Add(n.code))
	if c.used {
		head = jen.For(jen.Id(c.name).Op(":=").Range().Add(n.code))
	}
	b.add(head.Block(list...))
}

// forEach ranges over a slice: "for i, v := range list".
func (b *body) forEach(names string, over expr, f func(*body)) {
	list := b.inner(f)
	b.add(jen.For(jen.Op(names).Op(":=").Range().Add(over.code)).Block(list...))
}

// forStep counts name from from, below to, in steps.
func (b *body) forStep(name string, from, to expr, step int64, f func(*body)) {
	list := b.inner(f)
	post := jen.Id(name).Op("++")
	if step != 1 {
		post = jen.Id(name).Op("+=").Add(num(step).code)
	}
	b.add(jen.For(jen.Id(name).Op(":=").Add(from.code), jen.Id(name).Op("<").Add(to.code), post).Block(list...))
}

// forLayers counts name up or down from first for a span's repetitions; print
// writes the items from one up to another. The last repetition may stop early.
func (b *body) forLayers(name string, first, step int, sp span, print func(b *body, from, to int)) {
	count := sp.times(0)
	list := b.inner(func(b *body) {
		print(b, 0, sp.rest)
		if sp.rest > 0 {
			b.when(binRaw("==", id(name), num(int64(first+step*(count-1)))), func(b *body) { b.add(jen.Break()) })
		}
		print(b, sp.rest, sp.period)
	})
	switch end := first + step*count; {
	case first == 0 && step > 0:
		b.add(jen.For(jen.Id(name).Op(":=").Range().Lit(count)).Block(list...))
	case step > 0:
		b.add(jen.For(jen.Id(name).Op(":=").Lit(first), jen.Id(name).Op("<").Lit(end), jen.Id(name).Op("++")).Block(list...))
	default:
		b.add(jen.For(jen.Id(name).Op(":=").Lit(first), jen.Id(name).Op(">=").Lit(end+1), jen.Id(name).Op("--")).Block(list...))
	}
}

// block is a block of its own.
func (b *body) block(f func(*body)) {
	list := b.inner(f)
	b.add(jen.Block(list...))
}

// when is an if statement.
func (b *body) when(cond expr, then func(*body)) {
	list := b.inner(then)
	b.add(jen.If(jen.Add(cond.code)).Block(list...))
}

// whenElse is an if statement with two branches.
func (b *body) whenElse(cond expr, then, els func(*body)) {
	list := b.inner(then)
	other := b.inner(els)
	b.add(jen.If(jen.Add(cond.code)).Block(list...).Else().Block(other...))
}

// whenErr calls e, an expression with one error result, and returns what ret
// gives when it fails; "err" is its name there.
func (b *body) whenErr(e expr, ret ...expr) {
	list := b.inner(func(n *body) { n.ret(ret...) })
	b.add(jen.If(jen.Err().Op(":=").Add(e.code), jen.Err().Op("!=").Nil()).Block(list...))
}

// whenErrDo is whenErr with statements.
func (b *body) whenErrDo(e expr, f func(*body)) {
	list := b.inner(f)
	b.add(jen.If(jen.Err().Op(":=").Add(e.code), jen.Err().Op("!=").Nil()).Block(list...))
}

// varDecl declares variables.
func varDecl(names, t string) jen.Code { return jen.Var().Op(names).Add(typeCode(t)) }

// assignCall is "if names := e; cond { f }".
func assignCall(names []string, e expr, f func(*body), cond expr) jen.Code {
	var left []jen.Code
	for _, n := range names {
		left = append(left, jen.Id(n))
	}
	b := &body{}
	f(b)
	return jen.If(jen.List(left...).Op(":=").Add(e.code), jen.Add(cond.code)).Block(b.list...)
}

// rangeOnly repeats statements n times.
func rangeOnly(n expr, f func(*body)) jen.Code {
	b := &body{}
	f(b)
	return jen.For(jen.Range().Add(n.code)).Block(b.list...)
}

// switchCase is a case of a switch statement.
type switchCase struct {
	value expr
	f     func(*body)
}

// choice is a switch statement; els may be nil.
func (b *body) choice(on expr, cases []switchCase, els func(*body)) {
	var list []jen.Code
	for _, c := range cases {
		list = append(list, jen.Case(c.value.code).Block(b.inner(c.f)...))
	}
	if els != nil {
		list = append(list, jen.Default().Block(b.inner(els)...))
	}
	b.add(jen.Switch(jen.Add(on.code)).Block(list...))
}

package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// scope is a block of the kernel that is being written, with the values that
// already have a Go expression there. Scope 0 is the function's body; each loop
// adds one, and so does each condition.
type scope struct {
	body   *body
	values map[valueKey]expr
	named  map[string]expr // addresses and rows, by their text
	cond   bool            // a condition: loads below it must not move above it
	locals []string        // names that end with the block
	left   []*loop.Result  // by the phases in it
}

// valueKey is a loop expression in one of its Go forms: an int64 is an int where
// it counts or indexes, and an int64 where it is data.
type valueKey struct {
	e     *loop.Expr
	index bool
}

// printer writes the expressions of one kernel. Values are computed in the
// outermost loop that knows their parts, and those that occur twice get a name.
type printer struct {
	kernel   *loop.Kernel
	build    *loop.Builder
	names    *names
	params   map[*loop.Param]expr // their locals
	fields   map[*loop.Param]expr // where they come from
	indexed  map[*loop.Param]bool // those that need their locals
	dims     map[string]expr
	scalars  map[*loop.ScalarParam]expr
	counters map[string]expr
	axes     map[*loop.Axis]func() expr
	axisAt   map[*loop.Axis]int // the scope that binds it
	results  map[*loop.Result]expr
	resultAt map[*loop.Result]int
	read     map[*loop.Result]bool // those that were asked for
	next     map[*loop.Carry]expr
	written  map[*loop.Param]bool

	scopes  []*scope
	phaseAt int                        // the scope that holds the present phase
	uses    map[*loop.Expr]int         // in the present phase
	stored  map[*loop.Expr]*loop.Param // where the stores at hand put them
	levels  map[*loop.Expr]int         // in the present phase
	packed  *loop.Expr                 // an operand that is stored as it is: its address is all there is
	// The innermost loop when rows may be cut for it: it counts rowIndex from 0
	// to rowSize-1, and rowAxis is at rowFirst+rowIndex.
	rowAxis           *loop.Axis
	rowFirst, rowSize expr
	rowIndex          func() expr
	err               error
}

func (p *printer) depth() int  { return len(p.scopes) - 1 }
func (p *printer) top() *scope { return p.scopes[p.depth()] }
func (p *printer) out() *body  { return p.top().body }

// pop ends the innermost block.
func (p *printer) pop() {
	for _, r := range p.top().left {
		if !p.read[r] && p.results[r].name != "" { // it indexes an axis of one position
			p.out().set(id("_"), p.results[r])
		}
	}
	for _, n := range p.top().locals {
		p.names.free(n)
	}
	p.scopes = p.scopes[:p.depth()]
}

// within runs f as if the blocks inside s were not open.
func (p *printer) within(s *scope, f func()) {
	all, axis := p.scopes, p.rowAxis
	if s != p.top() {
		p.rowAxis = nil
	}
	p.scopes = slices.Clone(all[:slices.Index(all, s)+1])
	f()
	p.scopes, p.rowAxis = all, axis
}

// counter is a loop's variable. Go refuses one that is not used, so a loop that
// does not need it leaves it out.
type counter struct {
	name string
	used bool
}

func (c *counter) use() expr {
	c.used = true
	return id(c.name)
}

// always is a position that needs no variable.
func always(e expr) func() expr { return func() expr { return e } }

// local takes a name until block s ends.
func (p *printer) local(s *scope, base string) string {
	n := p.names.local(base)
	s.locals = append(s.locals, n)
	return n
}

// define gives e a name in block s.
func (p *printer) define(s *scope, base string, e expr) expr {
	return s.body.define(p.local(s, base), e)
}

// here is define in the innermost block.
func (p *printer) here(base string, e expr) expr { return p.define(p.top(), base, e) }

// declare declares a zero value in the innermost block.
func (p *printer) declare(base, typ string) expr { return p.out().declare(p.local(p.top(), base), typ) }

func (p *printer) fail(f string, args ...any) expr {
	if p.err == nil {
		p.err = fmt.Errorf("internal error: kernel %s: "+f, append([]any{p.kernel.Name}, args...)...)
	}
	return num(0)
}

func (p *printer) push(b *body, cond bool) {
	p.scopes = append(p.scopes, &scope{body: b, values: map[valueKey]expr{}, named: map[string]expr{}, cond: cond})
}

// startPhase counts how often each expression occurs in the phase and forgets
// loads that earlier phases may have made stale.
func (p *printer) startPhase(roots []*loop.Expr) {
	p.uses, p.levels, p.phaseAt = map[*loop.Expr]int{}, map[*loop.Expr]int{}, p.depth()
	for _, e := range roots {
		p.count(e)
	}
	for _, s := range p.scopes {
		for k := range s.values { // a set: the order of deletions does not show
			if p.readsWritten(k.e) {
				delete(s.values, k)
			}
		}
	}
}

func (p *printer) count(e *loop.Expr) {
	if e == nil {
		return
	}
	if p.uses[e]++; p.uses[e] > 1 {
		return
	}
	for _, a := range e.Args {
		p.count(a)
	}
	for _, a := range e.Index {
		p.count(a)
	}
	p.count(e.Guard)
}

// readsWritten reports whether e loads from a parameter that the kernel writes.
func (p *printer) readsWritten(e *loop.Expr) bool {
	seen := map[*loop.Expr]bool{}
	var walk func(*loop.Expr) bool
	walk = func(e *loop.Expr) bool {
		if e == nil || seen[e] {
			return false
		}
		seen[e] = true
		if e.Op == loop.Load && p.written[e.Param] || walk(e.Guard) {
			return true
		}
		for _, a := range e.Args {
			if walk(a) {
				return true
			}
		}
		for _, a := range e.Index {
			if walk(a) {
				return true
			}
		}
		return false
	}
	return walk(e)
}

// level returns the outermost scope in which e can be computed.
func (p *printer) level(e *loop.Expr) int {
	if e == nil {
		return 0
	}
	if l, ok := p.levels[e]; ok {
		return l
	}
	l := 0
	switch e.Op {
	case loop.AxisVar:
		l = p.axisAt[e.Axis]
	case loop.ResultOf:
		l = p.resultAt[e.Result]
	case loop.NextOf:
		return p.depth() // not remembered: it is bound late
	case loop.Load:
		if p.written[e.Param] {
			l = p.phaseAt
		}
	}
	for _, a := range e.Args {
		l = max(l, p.level(a))
	}
	for _, a := range e.Index {
		l = max(l, p.level(a))
	}
	l = max(l, p.level(e.Guard))
	p.levels[e] = l
	return l
}

// home returns the scope where a value of the given level is computed: that
// scope, or the innermost condition inside it when the value must stay below.
func (p *printer) home(level int, stays bool) *scope {
	if stays {
		for d := p.depth(); d > level; d-- {
			if p.scopes[d].cond {
				level = d
				break
			}
		}
	}
	for level > 0 && p.scopes[level].body == nil {
		level--
	}
	return p.scopes[level]
}

// mustStay reports whether e has a load that no guard of its own protects.
func mustStay(e *loop.Expr) bool {
	if e == nil {
		return false
	}
	if e.Op == loop.Load && e.Guard == nil {
		return true
	}
	if e.Op == loop.Load { // its index is computed below the guard
		return mustStay(e.Guard) || mustStay(e.Args[0])
	}
	for _, a := range e.Args {
		if mustStay(a) {
			return true
		}
	}
	return false
}

// value returns the Go expression of e. An int64 becomes an int when index is set.
func (p *printer) value(e *loop.Expr, index bool) expr {
	index = index && e.Type == dim.Int64
	if v, ok := p.leaf(e, index); ok {
		return v
	}
	key := valueKey{e, index}
	for d := p.depth(); d >= 0; d-- {
		if v, ok := p.scopes[d].values[key]; ok {
			return v
		}
	}
	home := p.home(p.level(e), mustStay(e))
	v, named := p.compute(e, index, home)
	hoist := home != p.top() && v.ops > 0
	if !named && (hoist || v.ops > 0 && p.uses[e] > 1 || v.ops > maxOps && e != p.packed) {
		v = p.define(home, p.baseName(e), p.typed(e, index, v))
	}
	home.values[key] = v
	return v
}

// maxOps is the number of operators from which an expression is split.
const maxOps = 8

// typed gives a constant its type, which a definition would not.
func (p *printer) typed(e *loop.Expr, index bool, v expr) expr {
	if v.untyped {
		return convert(goType(e.Type, index), v)
	}
	return v
}

// baseName is what a local that holds e is called.
func (p *printer) baseName(e *loop.Expr) string {
	switch {
	case e.Name != "" && e.Op != loop.Counter:
		return e.Name
	case p.stored[e] != nil:
		return p.stored[e].Name + "New"
	case e.Op == loop.Load:
		return p.kernelName(e.Param) + "V"
	case e.Op == loop.CallFn:
		return e.Fn.Name + "V"
	case e.Type == dim.Bool:
		return "is"
	case e.Type == dim.Int64:
		return "at"
	case e.Op == loop.Max || e.Op == loop.Min || e.Op == loop.Select:
		return strings.ToLower(e.Op.String()) + "V"
	}
	return "t"
}

func (p *printer) kernelName(q *loop.Param) string { return q.Name }

// leaf returns expressions that need no computation.
func (p *printer) leaf(e *loop.Expr, index bool) (expr, bool) {
	switch e.Op {
	case loop.Const:
		return constant64(e), true
	case loop.AxisVar:
		a, ok := p.axes[e.Axis]
		if !ok {
			return p.fail("axis %s is not bound", e.Axis.Name), true
		}
		return asIndex(a(), index), true
	case loop.DimVar:
		return asIndex(p.dim(e.Dim), index), true
	case loop.Counter:
		return asIndex(p.counters[e.Name], index), true
	case loop.ScalarArg:
		return p.scalars[e.Scalar], true
	case loop.ResultOf:
		r, ok := p.results[e.Result]
		p.read[e.Result] = true
		if !ok {
			return p.fail("result %s is not there yet", e.Result.Name), true
		}
		return r, true
	case loop.NextOf:
		n, ok := p.next[e.Carry]
		if !ok {
			return p.fail("the next value of a carry is read outside its sequence"), true
		}
		return n, true
	}
	return expr{}, false
}

// asIndex returns an int as the index or as data.
func asIndex(a expr, index bool) expr {
	if index || a.isInt {
		return a
	}
	return convert("int64", a)
}

// constant64 prints a constant of any type.
func constant64(e *loop.Expr) expr {
	switch e.Type {
	case dim.Float32, dim.Float64:
		return float(e.Type, e.Bits)
	case dim.Bool:
		if e.Bits != 0 {
			return id("true")
		}
		return id("false")
	case dim.Int32:
		return num(int64(int32(e.Bits)))
	case dim.Int16:
		return num(int64(int16(e.Bits)))
	case dim.Int8:
		return num(int64(int8(e.Bits)))
	case dim.Uint32:
		return num(int64(uint32(e.Bits)))
	}
	return num(int64(e.Bits))
}

// goTypes are the Go types of elements; the 16-bit floats live as their bits.
var goTypes = map[dim.DType]string{
	dim.Float64: "float64", dim.Float32: "float32", dim.BFloat16: "uint16", dim.Float16: "uint16", dim.Int64: "int64",
	dim.Int32: "int32", dim.Int16: "int16", dim.Int8: "int8", dim.Uint8: "uint8", dim.Bool: "bool", dim.Uint32: "uint32",
}

func goType(t dim.DType, index bool) string {
	if index && t == dim.Int64 {
		return "int"
	}
	return goTypes[t]
}

// dim prints a dimension over the kernel's sizes.
func (p *printer) dim(d dim.Dim) expr {
	if n, ok := d.Int(); ok {
		return num(n)
	}
	e := dimExpr(d, p.dims)
	if e.ops == 0 {
		return e
	}
	s := p.scopes[0]
	key := "dim " + d.String()
	if v, ok := s.named[key]; ok {
		return v
	}
	v := p.define(s, "size", e)
	s.named[key] = v
	return v
}

// dimExpr prints a polynomial over the values of its symbols.
func dimExpr(d dim.Dim, env map[string]expr) expr {
	terms := d.Terms()
	sum := num(0)
	for i := len(terms) - 1; i >= 0; i-- {
		t := roundUp(terms[i])
		neg := t.Coef < 0 && i < len(terms)-1
		prod := num(t.Coef)
		if neg {
			prod = num(-t.Coef)
		}
		for k, a := range t.Atoms {
			f := atomExpr(a, env)
			if k == 0 && !neg && t.Coef == -1 {
				prod = unary("-", f)
				continue
			}
			prod = bin("*", prod, f)
		}
		if neg {
			sum = bin("-", sum, prod)
		} else {
			sum = bin("+", sum, prod)
		}
	}
	return sum
}

// roundUp writes -floor(-x / n) as floor((x + n-1) / n), which is easier to read.
func roundUp(t dim.Factor) dim.Factor {
	out := dim.Factor{Coef: t.Coef, Atoms: slices.Clone(t.Atoms)}
	for i, a := range t.Atoms {
		n, ok := a.Den.Int()
		if a.Name == "" && ok && n > 0 && dimNotNegative(a.Num.Neg()) {
			out.Coef = -out.Coef
			out.Atoms[i].Num = a.Num.Neg().Add(dim.Const(n - 1))
		}
	}
	if out.Coef < 0 {
		return t
	}
	return out
}

// dimNotNegative reports whether d is at least 0 for all sizes, term by term.
func dimNotNegative(d dim.Dim) bool {
	for _, t := range d.Terms() {
		t = roundUp(t)
		if t.Coef < 0 {
			return false
		}
		for _, a := range t.Atoms {
			den, ok := a.Den.Int()
			if a.Name == "" && (!ok || den <= 0 || !dimNotNegative(a.Num)) {
				return false
			}
		}
	}
	return true
}

func atomExpr(a dim.Atom, env map[string]expr) expr {
	if a.Name != "" {
		if e, ok := env[a.Name]; ok {
			return e
		}
		return id(private(a.Name))
	}
	x, y := dimExpr(a.Num, env), dimExpr(a.Den, env)
	if den, ok := a.Den.Int(); ok && den > 0 && dimNotNegative(a.Num) {
		return bin("/", x, y)
	}
	return call(rt("FloorDiv"), x, y)
}

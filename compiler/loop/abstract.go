package loop

import (
	"math"
	"slices"
	"strconv"

	"github.com/mlc-go/mlc/compiler/dim"
)

// Number is a constant of a kernel.
type Number struct {
	Type dim.DType // Int64 for a size or position
	Bits uint64    // of a size or position its magnitude
	Base string    // what it may be called
}

// Spell writes down all of a kernel without parts but its constants, which it lists:
// kernels that are spelt alike compute the same, each with constants of its own.
func Spell(k *Kernel) (spelling string, constants []Number) {
	a := newAbstraction()
	a.kernel(k)
	return string(a.key), a.numbers
}

// Reword copies a kernel without parts, with other expressions in place of some.
func Reword(k *Kernel, words map[*Expr]*Expr) *Kernel {
	a := newAbstraction()
	a.words = words
	return a.kernel(k)
}

// Varying gives names to the constants in which kernels of one spelling differ.
type Varying struct {
	Taken map[string]bool // names
	List  []Varied
	Unit  int64 // a size that is always a multiple of it is a number of units; 0 for none

	byValues map[string]*Varied
}

// Varied is a constant that has a name, with its values in each of the kernels, in
// units if Unit is more than 1. The type of a size or position is Int64.
type Varied struct {
	*ScalarParam
	Values []uint64
	Unit   int64
}

// Name names a constant by its values in each of the kernels, and returns nil for one
// that does not differ. Constants that go together share a name.
func (v *Varying) Name(t dim.DType, base string, values []uint64) *Varied {
	same := true
	key := t.Short()
	for _, n := range values {
		same = same && n == values[0]
		key += " " + strconv.FormatUint(n, 10)
	}
	if same {
		return nil
	}
	if s := v.byValues[key]; s != nil {
		return s
	}
	s := &Varied{&ScalarParam{Name: base, DType: t}, values, 1}
	for i := 2; v.Taken[s.Name]; i++ {
		s.Name = base + strconv.Itoa(i)
	}
	if t == dim.Int64 && v.Unit > 1 && !slices.ContainsFunc(values, func(n uint64) bool { return n%uint64(v.Unit) != 0 }) {
		s.Unit, s.Values = v.Unit, slices.Clone(values)
		for i := range values {
			s.Values[i] /= uint64(v.Unit)
		}
	}
	if v.byValues == nil {
		v.byValues = map[string]*Varied{}
	}
	v.Taken[s.Name] = true
	v.byValues[key] = s
	v.List = append(v.List, *s)
	return s
}

// Generalize copies the first of some kernels of one spelling, with names for the
// constants in which they differ. constants are those of each.
func Generalize(first *Kernel, constants [][]Number, v *Varying) *Kernel {
	a := newAbstraction()
	n := len(constants[0])
	a.sizes, a.floats = make([]dim.Dim, n), make([]*ScalarParam, n)
	for i, c := range constants[0] {
		values := make([]uint64, len(constants))
		for k := range constants {
			values[k] = constants[k][i].Bits
		}
		s := v.Name(c.Type, c.Base, values)
		switch {
		case s == nil:
		case c.Type == dim.Int64:
			a.sizes[i] = dim.Sym(s.Name).Mul(dim.Const(s.Unit))
		default:
			a.floats[i] = s.ScalarParam
		}
	}
	return a.kernel(first)
}

// abstraction walks a kernel, spells it and copies it.
type abstraction struct {
	key     []byte
	numbers []Number
	sizes   []dim.Dim      // what stands for constants, by their places in numbers; 0: they stay
	floats  []*ScalarParam // the same for those that are no sizes

	words map[*Expr]*Expr // expressions that others stand for

	dims     map[string]int
	counters map[string]int
	params   map[*Param]numbered[*Param]
	scalars  map[*ScalarParam]int
	axes     map[*Axis]numbered[*Axis]
	results  map[*Result]numbered[*Result]
	carries  map[*Carry]numbered[*Carry]
	exprs    map[*Expr]numbered[*Expr]
}

// numbered is the copy of a part of a kernel and its place among its like.
type numbered[T any] struct {
	copy T
	at   int
}

func newAbstraction() *abstraction {
	return &abstraction{
		dims: map[string]int{}, counters: map[string]int{}, params: map[*Param]numbered[*Param]{}, scalars: map[*ScalarParam]int{},
		axes: map[*Axis]numbered[*Axis]{}, results: map[*Result]numbered[*Result]{},
		carries: map[*Carry]numbered[*Carry]{}, exprs: map[*Expr]numbered[*Expr]{},
	}
}

// tag, at and text spell.
func (a *abstraction) tag(c byte, n int) {
	a.key = strconv.AppendInt(append(a.key, c), int64(n), 10)
}

func (a *abstraction) text(s string) { a.key = append(append(a.key, s...), ' ') }

func (a *abstraction) flag(is bool) { a.key = strconv.AppendBool(a.key, is) }

// number lists a constant and returns its place.
func (a *abstraction) number(t dim.DType, bits uint64, base string) int {
	a.numbers = append(a.numbers, Number{t, bits, base})
	return len(a.numbers) - 1
}

// size is a whole number, or the name that stands for it.
func (a *abstraction) size(n int64, base string) dim.Dim {
	sign, by := byte('#'), int64(1)
	if n < 0 {
		sign, by = '-', -1
	}
	a.key = append(a.key, sign)
	at := a.number(dim.Int64, uint64(n*by), base)
	if a.sizes == nil || a.sizes[at].Is(0) {
		return dim.Const(n)
	}
	return a.sizes[at].Mul(dim.Const(by))
}

// dim is a dimension. In one of 0 or 1 positions nothing moves, so it stays.
func (a *abstraction) dim(d dim.Dim, base string) dim.Dim {
	if n, ok := d.Int(); ok && 0 <= n && n <= 1 {
		a.tag('c', int(n))
		return d
	}
	sum := dim.Const(0)
	for _, t := range d.Terms() {
		term := dim.Const(t.Coef)
		if t.Coef != 1 || len(t.Atoms) == 0 {
			term = a.size(t.Coef, base)
		}
		for _, x := range t.Atoms {
			if x.Name == "" {
				a.text("floor")
				term = term.Mul(a.dim(x.Num, base).FloorDiv(a.dim(x.Den, base)))
				continue
			}
			a.tag('d', a.dims[x.Name])
			term = term.Mul(dim.Sym(x.Name))
		}
		a.key = append(a.key, '+')
		sum = sum.Add(term)
	}
	return sum
}

// kernel copies a kernel that has no parts.
func (a *abstraction) kernel(k *Kernel) *Kernel {
	c := *k
	c.Params, c.Space, c.Phases = nil, nil, nil
	for i, d := range k.Dims {
		a.dims[d] = i
	}
	for i, s := range k.Scalars {
		a.scalars[s] = i
		a.text(s.DType.Short())
	}
	for i, n := range k.Counters {
		a.counters[n] = i
	}
	a.tag('d', len(k.Dims))
	a.tag('c', len(k.Counters))
	c.Space = a.axisList(k.Space)
	for _, ph := range k.Phases { // sizes go by the names of loops rather than of tensors
		a.axisList(ph.Axes)
	}
	for _, q := range k.Params {
		c.Params = append(c.Params, a.newParam(q))
	}
	for _, ph := range k.Phases {
		c.Phases = append(c.Phases, a.phase(ph))
	}
	return &c
}

func (a *abstraction) newParam(q *Param) *Param {
	c := *q
	c.Shape = nil
	a.text(q.DType.Short())
	a.flag(q.Read)
	a.flag(q.Write)
	if l := q.Layout; l != nil {
		a.tag('l', l.Lane)
		a.tag('w', l.Width)
		for _, r := range l.Rest {
			a.tag('r', r)
		}
	}
	for i, d := range q.Shape {
		a.key = append(a.key, ',')
		c.Shape = append(c.Shape, a.dim(d, q.Name+"Dim"+strconv.Itoa(i)))
	}
	a.params[q] = numbered[*Param]{&c, len(a.params)}
	return &c
}

func (a *abstraction) axisList(list []*Axis) (out []*Axis) {
	a.tag('n', len(list))
	for _, x := range list {
		out = append(out, a.axis(x))
	}
	return out
}

func (a *abstraction) axis(x *Axis) *Axis {
	n, ok := a.axes[x]
	if !ok {
		a.tag('A', len(a.axes))
		n = numbered[*Axis]{&Axis{Name: x.Name, Extent: a.dim(x.Extent, x.Name+"Size")}, len(a.axes)}
		a.axes[x] = n
	}
	a.tag('a', n.at)
	return n.copy
}

func (a *abstraction) result(x *Result) *Result {
	if x == nil {
		return nil
	}
	n, ok := a.results[x]
	if !ok {
		n = numbered[*Result]{x, len(a.results)}
		a.results[x] = n
		a.text(x.Type.Short())
	}
	a.tag('r', n.at)
	return x
}

func (a *abstraction) carry(x *Carry) *Carry {
	if x == nil {
		return nil
	}
	n, ok := a.carries[x]
	if !ok {
		n = numbered[*Carry]{&Carry{}, len(a.carries)}
		a.carries[x] = n
		n.copy.Current = a.result(x.Current)
		n.copy.Init, n.copy.Next = a.expr(x.Init), a.expr(x.Next)
	}
	a.tag('y', n.at)
	return n.copy
}

func (a *abstraction) phase(ph *Phase) *Phase {
	c := *ph
	a.tag('\n', int(ph.Kind))
	a.tag('o', int(ph.Order))
	c.Axes = a.axisList(ph.Axes)
	c.A, c.B, c.Acc, c.Init = a.expr(ph.A), a.expr(ph.B), a.result(ph.Acc), a.expr(ph.Init)
	c.Reducers, c.Carries, c.Stores = nil, nil, nil
	for _, x := range ph.Reducers {
		a.tag('R', int(x.Op))
		c.Reducers = append(c.Reducers, &Reducer{Op: x.Op, Value: a.expr(x.Value), Result: a.result(x.Result)})
	}
	for _, x := range ph.Carries {
		c.Carries = append(c.Carries, a.carry(x))
	}
	for _, s := range ph.Stores {
		c.Stores = append(c.Stores, a.store(s))
	}
	if s := ph.Sort; s != nil {
		a.flag(s.Descending)
		c.Sort = &SortSpec{Value: a.expr(s.Value), Descending: s.Descending, Keep: a.dim(s.Keep, "keep"), Values: a.store(s.Values), Positions: a.store(s.Positions)}
	}
	return &c
}

func (a *abstraction) store(s *Store) *Store {
	if s == nil {
		a.text("nil")
		return nil
	}
	q := a.params[s.Param]
	a.tag('S', q.at)
	return &Store{Param: q.copy, Index: a.list(s.Index), Value: a.expr(s.Value), If: a.expr(s.If)}
}

func (a *abstraction) list(es []*Expr) (out []*Expr) {
	a.tag('(', len(es))
	for _, e := range es {
		out = append(out, a.expr(e))
	}
	return out
}

func (a *abstraction) expr(e *Expr) *Expr {
	if w := a.words[e]; w != nil {
		e = w
	}
	switch {
	case e == nil:
		a.key = append(a.key, '.')
		return nil
	case e.Op == Const:
		return a.constant(e)
	case e.Op == AxisVar:
		c := *e
		c.Axis = a.axis(e.Axis)
		return a.once(e, &c)
	case e.Op == DimVar:
		return sizeExpr(a.dim(e.Dim, "size"))
	}
	if n, ok := a.exprs[e]; ok {
		a.tag('e', n.at)
		return n.copy
	}
	c := *e
	a.tag('E', int(e.Op))
	a.text(e.Type.Short())
	switch e.Op {
	case Counter:
		a.tag('c', a.counters[e.Name])
	case ScalarArg:
		a.tag('s', a.scalars[e.Scalar])
	case ResultOf:
		c.Result = a.result(e.Result)
	case NextOf:
		c.Carry = a.carry(e.Carry)
	case Load:
		q := a.params[e.Param]
		a.tag('p', q.at)
		c.Param, c.Index, c.Guard = q.copy, a.list(e.Index), a.expr(e.Guard)
	case CallFn:
		a.text(e.Fn.Name)
	}
	c.Args = a.list(e.Args)
	return a.once(e, &c)
}

// once keeps the copy of an expression.
func (a *abstraction) once(e, c *Expr) *Expr {
	if n, ok := a.exprs[e]; ok {
		return n.copy
	}
	a.exprs[e] = numbered[*Expr]{c, len(a.exprs)}
	return c
}

func sizeExpr(d dim.Dim) *Expr {
	if n, ok := d.Int(); ok {
		return &Expr{Op: Const, Type: dim.Int64, Bits: uint64(n)}
	}
	return &Expr{Op: DimVar, Type: dim.Int64, Dim: d}
}

// constant lists a constant, but for those that a computation hardly has by chance.
func (a *abstraction) constant(e *Expr) *Expr {
	a.text(e.Type.Short())
	if e.Type == dim.Int64 && e.Bits != 0 {
		return sizeExpr(a.size(int64(e.Bits), "offset"))
	}
	if !mayDiffer(e) {
		a.key = strconv.AppendUint(append(a.key, '='), e.Bits, 16)
		return e
	}
	a.key = append(a.key, '#')
	at := a.number(e.Type, e.Bits, "factor")
	if a.floats == nil || a.floats[at] == nil {
		return e
	}
	s := a.floats[at]
	c := &Expr{Op: ScalarArg, Type: s.DType, Scalar: s}
	return c
}

// mayDiffer reports whether a constant may become a scalar of a function: one of a
// usual type, and not a number that code is written around.
func mayDiffer(e *Expr) bool {
	switch e.Type {
	case dim.Float32:
		v := float64(math.Float32frombits(uint32(e.Bits)))
		return v != 0 && v != 1 && !math.IsInf(v, 0) && v == v
	case dim.Uint32:
		return e.Bits > 1
	}
	return false
}

// Package dim holds the exact arithmetic of tensor dimensions: polynomials
// with integer coefficients over symbols (batch, time, ...) and floor atoms,
// and the list of element types.
//
// It is a leaf: it knows neither tensors nor the language. Its one invariant
// is the normal form: two dimensions are equal if and only if their texts are.
package dim

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Dim is a dimension: a polynomial with int64 coefficients over atoms. An atom
// is a symbol or floor(p / q). The zero value is the number 0. A Dim is
// immutable and safe for use from several goroutines.
//
// Arithmetic that leaves int64 gives a dimension whose Overflow method is true,
// and every result computed from it overflows too.
type Dim struct {
	terms    []term // sorted by monomial, no zero coefficient
	overflow bool
}

type term struct {
	coef  int64
	atoms []atom // sorted, repeated for powers; empty for the constant term
}

// atom is a symbol (floor == nil) or floor(num / den).
type atom struct {
	name  string // symbol, or the text of the floor
	floor *floorOf
}

type floorOf struct{ num, den Dim }

// Const returns the constant dimension n.
func Const(n int64) Dim {
	switch {
	case n == 0:
		return Dim{}
	case n > 0 && n < int64(len(small)):
		return Dim{terms: small[n : n+1 : n+1]}
	}
	return Dim{terms: []term{{coef: n}}}
}

// small are the constant terms of frequent numbers.
var small = func() (terms [4097]term) {
	for i := range terms {
		terms[i].coef = int64(i)
	}
	return terms
}()

// Sym returns the symbolic dimension called name, an identifier.
func Sym(name string) Dim {
	return Dim{terms: []term{{coef: 1, atoms: []atom{{name: name}}}}}
}

// Overflow reports whether computing d left the range of int64.
func (d Dim) Overflow() bool { return d.overflow }

// Int returns the value of a constant dimension; ok is false for a symbolic or
// overflowed one.
func (d Dim) Int() (n int64, ok bool) {
	switch {
	case d.overflow:
		return 0, false
	case len(d.terms) == 0:
		return 0, true
	case len(d.terms) == 1 && len(d.terms[0].atoms) == 0:
		return d.terms[0].coef, true
	}
	return 0, false
}

// Is reports whether d is the constant n.
func (d Dim) Is(n int64) bool {
	v, ok := d.Int()
	return ok && v == n
}

// Equal reports whether d and e have the same normal form.
func (d Dim) Equal(e Dim) bool {
	if d.overflow || e.overflow {
		return false
	}
	return slices.EqualFunc(d.terms, e.terms, func(a, b term) bool {
		return a.coef == b.coef && compareAtoms(a.atoms, b.atoms) == 0
	})
}

// Add returns d + e.
func (d Dim) Add(e Dim) Dim {
	if d.overflow || e.overflow {
		return Dim{overflow: true}
	}
	switch {
	case len(e.terms) == 0:
		return d
	case len(d.terms) == 0:
		return e
	}
	n, ok := d.Int()
	if m, both := e.Int(); ok && both && (m > 0 && n <= math.MaxInt64-m || m < 0 && n >= math.MinInt64-m) {
		return Const(n + m)
	}
	return merged(d.terms, e.terms)
}

// merged adds two normal lists of terms.
func merged(x, y []term) Dim {
	out := make([]term, 0, len(x)+len(y))
	for len(x) > 0 && len(y) > 0 {
		switch c := compareAtoms(x[0].atoms, y[0].atoms); {
		case c < 0:
			out, x = append(out, x[0]), x[1:]
			continue
		case c > 0:
			out, y = append(out, y[0]), y[1:]
			continue
		}
		a, b := x[0].coef, y[0].coef
		if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
			return Dim{overflow: true}
		}
		if a+b != 0 {
			out = append(out, term{a + b, x[0].atoms})
		}
		x, y = x[1:], y[1:]
	}
	return Dim{terms: append(append(out, x...), y...)}
}

// Neg returns -d.
func (d Dim) Neg() Dim {
	if d.overflow || len(d.terms) == 0 {
		return d
	}
	terms := make([]term, len(d.terms))
	for i, t := range d.terms {
		if t.coef == math.MinInt64 {
			return Dim{overflow: true}
		}
		terms[i] = term{-t.coef, t.atoms}
	}
	return Dim{terms: terms}
}

// Sub returns d - e.
func (d Dim) Sub(e Dim) Dim { return d.Add(e.Neg()) }

// Mul returns d * e.
func (d Dim) Mul(e Dim) Dim {
	if d.overflow || e.overflow {
		return Dim{overflow: true}
	}
	switch {
	case d.Is(1):
		return e
	case e.Is(1):
		return d
	}
	n, ok := d.Int()
	if m, both := e.Int(); ok && both {
		c, fits := mul64(n, m)
		if !fits {
			return Dim{overflow: true}
		}
		return Const(c)
	}
	var terms []term
	for _, a := range d.terms {
		for _, b := range e.terms {
			c, ok := mul64(a.coef, b.coef)
			if !ok {
				return Dim{overflow: true}
			}
			atoms := append(slices.Clone(a.atoms), b.atoms...)
			slices.SortFunc(atoms, compareAtom)
			terms = append(terms, term{c, atoms})
		}
	}
	return normal(terms)
}

// Div returns d / e when the quotient is a polynomial with integer
// coefficients; ok is false otherwise, and for e = 0.
func (d Dim) Div(e Dim) (q Dim, ok bool) {
	if d.overflow || e.overflow || len(e.terms) == 0 {
		return Dim{}, false
	}
	if d.Equal(e) {
		return Const(1), true
	}
	rest, lead := d, e.terms[len(e.terms)-1]
	for range 64 { // each round removes the leading term
		if len(rest.terms) == 0 {
			return q, true
		}
		t, ok := divTerm(rest.terms[len(rest.terms)-1], lead)
		if !ok {
			return Dim{}, false
		}
		part := Dim{terms: []term{t}}
		q, rest = q.Add(part), rest.Sub(part.Mul(e))
		if q.overflow || rest.overflow {
			return Dim{}, false
		}
	}
	return Dim{}, false
}

// FloorDiv returns floor(d / e), as a number or an exact polynomial where that
// is possible and as an atom otherwise. Dividing by the constant zero overflows.
func (d Dim) FloorDiv(e Dim) Dim {
	if d.overflow || e.overflow || len(e.terms) == 0 {
		return Dim{overflow: true}
	}
	if q, ok := d.Div(e); ok {
		return q
	}
	n, okN := d.Int()
	m, okM := e.Int()
	if okN && okM {
		return Const(floorDiv(n, m))
	}
	// floor((m*p + r) / m) = p + floor(r / m)
	if okM {
		var whole, rest []term
		for _, t := range d.terms {
			q := floorDiv(t.coef, m)
			if len(t.atoms) > 0 && q*m != t.coef {
				rest = append(rest, t)
				continue
			}
			whole = append(whole, term{q, t.atoms})
			rest = append(rest, term{t.coef - q*m, t.atoms})
		}
		w, r := normal(whole), normal(rest)
		if len(w.terms) > 0 {
			return w.Add(r.FloorDiv(e))
		}
	}
	f := &floorOf{d, e}
	a := atom{name: "floor(" + d.String() + " / " + e.String() + ")", floor: f}
	return Dim{terms: []term{{coef: 1, atoms: []atom{a}}}}
}

// CeilDiv returns the smallest whole number not below d / e.
func (d Dim) CeilDiv(e Dim) Dim { return d.Neg().FloorDiv(e).Neg() }

// Mod returns d - e*floor(d / e).
func (d Dim) Mod(e Dim) Dim { return d.Sub(e.Mul(d.FloorDiv(e))) }

// Eval returns the value of d when every symbol has the value that env gives.
func (d Dim) Eval(env map[string]int64) (int64, error) {
	if d.overflow {
		return 0, fmt.Errorf("dimension overflows")
	}
	var sum int64
	for _, t := range d.terms {
		p := t.coef
		for _, a := range t.atoms {
			v, err := a.eval(env)
			if err != nil {
				return 0, err
			}
			var ok bool
			if p, ok = mul64(p, v); !ok {
				return 0, fmt.Errorf("%s overflows", d)
			}
		}
		if p > 0 && sum > math.MaxInt64-p || p < 0 && sum < math.MinInt64-p {
			return 0, fmt.Errorf("%s overflows", d)
		}
		sum += p
	}
	return sum, nil
}

func (a atom) eval(env map[string]int64) (int64, error) {
	if a.floor == nil {
		v, ok := env[a.name]
		if !ok {
			return 0, fmt.Errorf("dimension %s has no value", a.name)
		}
		return v, nil
	}
	n, err := a.floor.num.Eval(env)
	if err != nil {
		return 0, err
	}
	m, err := a.floor.den.Eval(env)
	if err != nil {
		return 0, err
	}
	if m == 0 {
		return 0, fmt.Errorf("%s divides by zero", a.name)
	}
	return floorDiv(n, m), nil
}

// Subst replaces symbols by dimensions; a symbol that env does not name stays.
func (d Dim) Subst(env map[string]Dim) Dim {
	if d.overflow {
		return d
	}
	var sum Dim
	for _, t := range d.terms {
		p := Const(t.coef)
		for _, a := range t.atoms {
			p = p.Mul(a.subst(env))
		}
		sum = sum.Add(p)
	}
	return sum
}

func (a atom) subst(env map[string]Dim) Dim {
	if a.floor != nil {
		return a.floor.num.Subst(env).FloorDiv(a.floor.den.Subst(env))
	}
	if v, ok := env[a.name]; ok {
		return v
	}
	return Sym(a.name)
}

// Symbols returns the symbols in d, sorted, each once.
func (d Dim) Symbols() []string {
	var names []string
	for _, t := range d.terms {
		for _, a := range t.atoms {
			if a.floor != nil {
				names = append(names, a.floor.num.Symbols()...)
				names = append(names, a.floor.den.Symbols()...)
			} else {
				names = append(names, a.name)
			}
		}
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Min returns the least value that d is known to take when every symbol is at
// least one; ok is false when that cannot be told.
func (d Dim) Min() (n int64, ok bool) {
	if d.overflow {
		return 0, false
	}
	for _, t := range d.terms {
		if len(t.atoms) == 0 {
			n += t.coef
			continue
		}
		low := t.coef
		if t.coef < 0 {
			return 0, false
		}
		for _, a := range t.atoms {
			if a.floor != nil {
				if !a.floor.grows() {
					return 0, false // such as -ceil(batch / 2)
				}
				low = 0 // dimensions are never negative
			}
		}
		n += low
	}
	return n, true
}

// grows reports whether the quotient grows with every symbol.
func (f *floorOf) grows() bool {
	for _, t := range f.num.terms {
		if len(t.atoms) > 0 && t.coef < 0 || slices.ContainsFunc(t.atoms, func(a atom) bool { return a.floor != nil && !a.floor.grows() }) {
			return false
		}
	}
	n, ok := f.den.Min()
	return ok && n > 0
}

// Factor is one power product of a polynomial, for printers of other languages.
type Factor struct {
	Coef  int64
	Atoms []Atom // repeated for powers
}

// Atom is a symbol, or floor(Num / Den) when Name is empty.
type Atom struct {
	Name     string
	Num, Den Dim
}

// Terms returns the polynomial's terms in canonical order.
func (d Dim) Terms() []Factor {
	out := make([]Factor, len(d.terms))
	for i, t := range d.terms {
		out[i].Coef = t.coef
		for _, a := range t.atoms {
			if a.floor != nil {
				out[i].Atoms = append(out[i].Atoms, Atom{Num: a.floor.num, Den: a.floor.den})
			} else {
				out[i].Atoms = append(out[i].Atoms, Atom{Name: a.name})
			}
		}
	}
	return out
}

// String returns the normal form: highest power first, such as "4*batch*time + 2".
func (d Dim) String() string {
	if d.overflow {
		return "overflow"
	}
	if n, ok := d.Int(); ok {
		return strconv.FormatInt(n, 10)
	}
	var b strings.Builder
	for i := len(d.terms) - 1; i >= 0; i-- {
		t := d.terms[i]
		c := t.coef
		switch {
		case i == len(d.terms)-1 && c < 0:
			b.WriteString("-")
		case i < len(d.terms)-1 && c < 0:
			b.WriteString(" - ")
		case i < len(d.terms)-1:
			b.WriteString(" + ")
		}
		var parts []string
		if u := magnitude(c); u != 1 || len(t.atoms) == 0 {
			parts = append(parts, strconv.FormatUint(u, 10))
		}
		for _, a := range t.atoms {
			parts = append(parts, a.name)
		}
		b.WriteString(strings.Join(parts, "*"))
	}
	return b.String()
}

func magnitude(c int64) uint64 {
	if c < 0 {
		return -uint64(c)
	}
	return uint64(c)
}

// normal sorts terms, merges equal monomials and drops zeros.
func normal(terms []term) Dim {
	slices.SortStableFunc(terms, func(a, b term) int { return compareAtoms(a.atoms, b.atoms) })
	out := terms[:0]
	for _, t := range terms {
		if n := len(out); n > 0 && compareAtoms(out[n-1].atoms, t.atoms) == 0 {
			a, b := out[n-1].coef, t.coef
			if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
				return Dim{overflow: true}
			}
			out[n-1].coef = a + b
			continue
		}
		out = append(out, t)
	}
	out = slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })
	return Dim{terms: out}
}

// compareAtoms orders monomials by degree, then by their atoms.
func compareAtoms(a, b []atom) int {
	if c := len(a) - len(b); c != 0 {
		return c
	}
	return slices.CompareFunc(a, b, compareAtom)
}

func compareAtom(a, b atom) int { return strings.Compare(a.name, b.name) }

func divTerm(a, b term) (term, bool) {
	if b.coef == 0 || a.coef%b.coef != 0 {
		return term{}, false
	}
	rest := slices.Clone(a.atoms)
	for _, x := range b.atoms {
		i := slices.IndexFunc(rest, func(y atom) bool { return compareAtom(x, y) == 0 })
		if i < 0 {
			return term{}, false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return term{a.coef / b.coef, rest}, true
}

func floorDiv(n, m int64) int64 {
	q := n / m
	if n%m != 0 && (n < 0) != (m < 0) {
		q--
	}
	return q
}

func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// Product returns the product of a shape's dimensions, its number of elements.
func Product(shape []Dim) Dim {
	p := Const(1)
	for _, d := range shape {
		p = p.Mul(d)
	}
	return p
}

// EqualShapes reports whether two shapes agree in rank and in every dimension.
func EqualShapes(a, b []Dim) bool { return slices.EqualFunc(a, b, Dim.Equal) }

package lower

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// scope is what the bodies of one loop.Func share: buffers, host scalars, names.
type scope struct {
	l       *lowerer
	fn      *loop.Func
	names   *namer
	vars    map[*ir.Var]*loop.Buffer
	scalars map[string]*loop.Scalar
	order   []*loop.Scalar
	made    []*loop.Buffer // temporaries and stored tensors, as made
}

func newScope(l *lowerer, fn *loop.Func) *scope {
	names := newNamer()
	for _, w := range words {
		names.unique(w)
	}
	return &scope{l: l, fn: fn, names: names, vars: map[*ir.Var]*loop.Buffer{}, scalars: map[string]*loop.Scalar{}}
}

// place is where a value lies: a buffer, or the slice of one at a loop's position.
type place struct {
	buf *loop.Buffer
	at  *loop.Index
}

func (s *scope) newBuffer(name string, kind loop.BufferKind, t ir.Type) *loop.Buffer {
	b := &loop.Buffer{Name: s.names.unique(name), Kind: kind, DType: t.DType, Shape: t.Shape, Slot: -1}
	if kind != loop.Input {
		s.made = append(s.made, b)
	}
	return b
}

// stored returns the buffer of a stored tensor.
func (s *scope) stored(v *ir.Var) *loop.Buffer {
	if b, ok := s.vars[v]; ok {
		return b
	}
	b := s.newBuffer(camel(v.Ident, v.Name), loop.Stored, v.Type)
	b.Var = s.l.vars[v]
	b.Origin = b.Var.Origin
	s.vars[v] = b
	return b
}

// scalar returns the host scalar of an expression rounded to t.
func (s *scope) scalar(e *scalar.Expr, t dim.DType) *loop.Scalar {
	key := t.Short() + " " + e.String()
	if v, ok := s.scalars[key]; ok {
		return v
	}
	return s.addScalar(key, &loop.Scalar{Name: s.names.unique(scalarName(e, t)), DType: t, Expr: e})
}

// words are the names of scalars that the runtime fills in exactly.
var words = [...]string{"seed0", "seed1", "step"}

// word returns an exact word that the runtime knows by name: a half of the seed
// or the step number.
func (s *scope) word(name string) *loop.Scalar {
	key := "u32 " + name
	if v, ok := s.scalars[key]; ok {
		return v
	}
	e := scalar.StepNumber()
	if name != "step" {
		e = &scalar.Expr{Op: scalar.Input, Name: name}
	}
	return s.addScalar(key, &loop.Scalar{Name: name, DType: dim.Uint32, Expr: e})
}

func (s *scope) addScalar(key string, v *loop.Scalar) *loop.Scalar {
	s.scalars[key] = v
	s.order = append(s.order, v)
	return v
}

// finish numbers the buffers in order of first use, lists the scalars, and lets
// calls point into the list.
func (s *scope) finish() {
	used := map[*loop.Buffer]bool{}
	for i, b := range s.fn.Inputs {
		b.ID = i + 1
		used[b] = true
	}
	note := func(b *loop.Buffer) {
		if !used[b] {
			used[b] = true
			b.ID = len(s.fn.Inputs) + len(s.fn.Buffers) + 1
			s.fn.Buffers = append(s.fn.Buffers, b)
		}
	}
	at := map[*loop.Scalar]int{}
	for i, v := range s.order {
		at[v] = i
		s.fn.Scalars = append(s.fn.Scalars, *v)
	}
	eachCall(s.fn.Body, func(c *loop.Call) {
		for _, a := range c.Args {
			note(a.Buffer)
		}
		for i, v := range c.Scalars {
			c.Scalars[i] = &s.fn.Scalars[at[v]]
		}
	})
	for _, o := range s.fn.Outputs {
		note(o.Buffer)
	}
	s.made = nil
}

// eachCall visits the calls of a schedule in order.
func eachCall(body []loop.Step, visit func(*loop.Call)) {
	for _, st := range body {
		switch st := st.(type) {
		case *loop.Call:
			visit(st)
		case *loop.For:
			eachCall(st.Body, visit)
		}
	}
}

func scalarName(e *scalar.Expr, t dim.DType) string {
	switch {
	case t == dim.Uint32:
		return "key"
	case e.UsesStep():
		return "scale"
	case e.Op == scalar.Dim:
		return "size"
	}
	return "factor"
}

// withoutOnes drops the dimensions that are the constant one.
func withoutOnes(shape []dim.Dim) []dim.Dim {
	return slices.DeleteFunc(slices.Clone(shape), func(d dim.Dim) bool { return d.Is(1) })
}

// SameSpace reports whether two shapes differ at most in axes of size one.
func SameSpace(a, b []dim.Dim) bool { return dim.EqualShapes(withoutOnes(a), withoutOnes(b)) }

// alignIndex gives the index of a tensor of the given shape at the point idx of
// a space that differs from it at most in axes of size one.
func alignIndex(x *loop.Builder, shape, space []dim.Dim, idx []*loop.Expr) []*loop.Expr {
	out := make([]*loop.Expr, len(shape))
	k := 0
	for i, d := range shape {
		if d.Is(1) {
			out[i] = x.Int(0)
			continue
		}
		for space[k].Is(1) {
			k++
		}
		out[i] = idx[k]
		k++
	}
	return out
}

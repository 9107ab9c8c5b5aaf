package loop

import "github.com/mlc-go/mlc/compiler/dim"

// Substitution rebuilds expressions with axes replaced, which simplifies what the
// replacement decides. Parameters, results and all else that is named stay.
type Substitution struct {
	b    *Builder
	to   map[*Axis]*Expr
	made map[*Expr]*Expr
}

// NewSubstitution returns a substitution of axes by expressions of b.
func NewSubstitution(b *Builder, to map[*Axis]*Expr) *Substitution {
	return &Substitution{b: b, to: to, made: map[*Expr]*Expr{}}
}

// List substitutes in every expression.
func (s *Substitution) List(es []*Expr) []*Expr {
	out := make([]*Expr, len(es))
	for i, e := range es {
		out[i] = s.Expr(e)
	}
	return out
}

// Store substitutes in a store.
func (s *Substitution) Store(st *Store) *Store {
	return &Store{Param: st.Param, Index: s.List(st.Index), Value: s.Expr(st.Value), If: s.Expr(st.If)}
}

// Expr substitutes in e, which may be nil.
func (s *Substitution) Expr(e *Expr) *Expr {
	if e == nil {
		return nil
	}
	if x, ok := s.made[e]; ok {
		return x
	}
	x := s.expr(e)
	s.made[e] = x
	return x
}

func (s *Substitution) expr(e *Expr) *Expr {
	b := s.b
	switch e.Op {
	case Const:
		switch {
		case e.Type == dim.Bool:
			return b.Bool(e.Bits != 0)
		case e.Type.IsInt():
			return b.IntOf(e.Type, int64(e.Bits))
		}
		return b.intern(e)
	case AxisVar:
		if x, ok := s.to[e.Axis]; ok {
			return x
		}
		return b.Axis(e.Axis)
	case DimVar:
		return b.Dim(e.Dim)
	case Counter, ScalarArg, ResultOf, NextOf:
		return b.intern(e)
	case Load:
		index := s.List(e.Index)
		if e.Guard == nil {
			return b.Load(e.Param, index...)
		}
		return b.LoadIf(s.Expr(e.Guard), s.Expr(e.Args[0]), e.Param, index...)
	}
	args := s.List(e.Args)
	switch e.Op {
	case Neg, Abs, Sqrt, Floor, Round, Not:
		return b.Un(e.Op, args[0])
	case FMA:
		return b.FMA(args[0], args[1], args[2])
	case Select:
		return b.Select(args[0], args[1], args[2])
	case Cast:
		return b.Cast(e.Type, args[0])
	case Bitcast:
		return b.Bits(e.Type, args[0])
	case CallFn:
		return b.Call(e.Fn, args...)
	}
	return b.Bin(e.Op, args[0], args[1])
}

package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/loop"
)

// Guarded is v where cond holds and els elsewhere, and reads no memory for v
// where cond does not hold: every load below v gets the guard too, since both
// sides of a select may be computed.
func Guarded(b *loop.Builder, cond, v, els *loop.Expr) *loop.Expr {
	if cond.Op == loop.Const {
		if cond.Bits != 0 {
			return v
		}
		return els
	}
	g := guard{b, cond, map[*loop.Expr]*loop.Expr{}}
	if v.Op == loop.Load && v.Guard == nil && v.Type == els.Type {
		return b.LoadIf(cond, els, v.Param, g.list(v.Index)...)
	}
	return b.Select(cond, g.apply(v), els)
}

type guard struct {
	b    *loop.Builder
	cond *loop.Expr
	done map[*loop.Expr]*loop.Expr
}

// apply rebuilds e with cond added to the guard of every load. What reads no
// memory stays as it is.
func (g guard) apply(e *loop.Expr) *loop.Expr {
	if e == nil {
		return nil
	}
	if r, ok := g.done[e]; ok {
		return r
	}
	r := e
	if e.Op == loop.Load {
		cond, els := g.cond, g.b.Number(e.Type, 0)
		if e.Guard != nil {
			cond, els = g.b.And(g.cond, g.apply(e.Guard)), g.apply(e.Args[0])
		}
		r = g.b.LoadIf(cond, els, e.Param, g.list(e.Index)...)
	} else if args := g.list(e.Args); !slices.Equal(args, e.Args) {
		r = rebuild(g.b, e, args)
	}
	g.done[e] = r
	return r
}

func (g guard) list(es []*loop.Expr) []*loop.Expr {
	out := make([]*loop.Expr, len(es))
	for i, e := range es {
		out[i] = g.apply(e)
	}
	return out
}

// rebuild applies e's operation to other arguments.
func rebuild(b *loop.Builder, e *loop.Expr, args []*loop.Expr) *loop.Expr {
	switch e.Op {
	case loop.Select:
		return b.Select(args[0], args[1], args[2])
	case loop.FMA:
		return b.FMA(args[0], args[1], args[2])
	case loop.Cast:
		return b.Cast(e.Type, args[0])
	case loop.Bitcast:
		return b.Bits(e.Type, args[0])
	case loop.CallFn:
		return b.Call(e.Fn, args...)
	}
	if len(args) == 1 {
		return b.Un(e.Op, args[0])
	}
	return b.Bin(e.Op, args[0], args[1])
}

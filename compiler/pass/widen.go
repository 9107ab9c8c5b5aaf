package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// widen lets operations that combine many elements work on float32 when they
// are given half precision: bfloat16 and float16 are forms of storage, and a sum
// that rounds to them after every term stops growing after a few hundred.
func widen(p *ir.Program) error {
	for _, e := range p.Entries {
		if err := rewriteEntry(e, widenFunc); err != nil {
			return err
		}
	}
	return nil
}

func widenFunc(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
	b := &ir.Builder{Func: f}
	type use struct {
		v      *ir.Value
		metric bool
		remat  int
	}
	wide := map[use]*ir.Value{} // operands in float32
	old := f.Instrs
	f.Instrs = nil
	for _, i := range old {
		substitute(i.Args, subst)
		if err := rewriteBodies(i, widenFunc); err != nil {
			return err
		}
		if !combines(i.Op) || !slices.ContainsFunc(i.Args, isHalf) {
			f.Instrs = append(f.Instrs, i)
			continue
		}
		b.Pos, b.Label, b.Path, b.Metric, b.Remat = i.Pos, i.Label, i.Path, i.Metric, i.Remat
		args := slices.Clone(i.Args)
		for n, a := range args {
			if !isHalf(a) {
				continue
			}
			u := use{a, i.Metric, i.Remat}
			if wide[u] == nil {
				wide[u] = b.Emit1(op.Cast{DType: dim.Float32}, a)
			}
			args[n] = wide[u]
		}
		for n, v := range b.Emit(i.Op, args...) {
			if r := i.Results[n]; isHalf(r) {
				v = b.Emit1(op.Cast{DType: r.Type.DType}, v)
			}
			replace(i.Results[n], v, subst)
		}
	}
	return b.Err()
}

// combines reports whether an operation's results depend on any number of elements.
func combines(o ir.Op) bool {
	switch o.(type) {
	case op.Reduce, op.ArgReduce, op.Cumulative, op.Fold, op.ScatterAdd, op.ScatterTake, op.UnpadAxis, op.Sort, op.TopK:
		return true
	}
	_, ok := o.(op.Contracting)
	return ok
}

func isHalf(v *ir.Value) bool {
	return v.Type.DType == dim.BFloat16 || v.Type.DType == dim.Float16
}

package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// grad replaces every gradient instruction by the adjoints of what its loss
// depends on. Those are instructions as any other, so a gradient of a gradient
// needs no rule of its own: the inner one is replaced first.
func grad(p *ir.Program) error {
	for _, e := range p.Entries {
		if err := gradEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func gradEntry(e *ir.Entry) error {
	return rewriteEntry(e, func(f *ir.Func, subst map[*ir.Value]*ir.Value) error { return gradFunc(f, subst) })
}

// Differentiate is the pass on one function. Results of gradient instructions
// that the caller holds are replaced in f.Results only.
func Differentiate(f *ir.Func) error {
	subst := map[*ir.Value]*ir.Value{}
	if err := gradFunc(f, subst); err != nil {
		return err
	}
	substitute(f.Results, subst)
	return nil
}

// gradFunc rebuilds f's instructions and records what stands for the results of
// the gradient instructions that it removed.
func gradFunc(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
	old := f.Instrs
	f.Instrs = nil
	b := &ir.Builder{Func: f}
	for _, i := range old {
		substitute(i.Args, subst)
		if region, ok := i.Op.(ir.Region); ok {
			for _, body := range region.Bodies() {
				if err := Differentiate(body); err != nil {
					return err
				}
			}
		}
		if _, ok := i.Op.(op.Gradient); !ok {
			f.Instrs = append(f.Instrs, i)
			continue
		}
		gradInstr(b, i, subst)
		if err := b.Err(); err != nil {
			return err
		}
	}
	return nil
}

// gradInstr emits the adjoints that i stands for.
func gradInstr(b *ir.Builder, i *ir.Instr, subst map[*ir.Value]*ir.Value) {
	b.Pos, b.Label, b.Path, b.Metric = i.Pos, i.Label, i.Path, i.Metric
	loss, xs := i.Args[0], i.Args[1:]
	one := op.Constant(b, loss.Type.DType, 1)
	for k, g := range op.Backward(b, []*ir.Value{loss}, []*ir.Value{one}, xs) {
		if g == nil { // the loss does not depend on it
			g = op.Full(b, xs[k].Type, 0)
		}
		if r := i.Results[k]; g.Name == "" {
			g.Name = r.Name
		}
		subst[i.Results[k]] = g
	}
}

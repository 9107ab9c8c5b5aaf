package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
)

// remat makes the gradient compute the values of @remat instances again instead
// of keeping them. What leaves an instance on the way to the loss is kept; every
// other value that an adjoint reads is computed by copies of the instance's
// instructions just ahead of its first such reader. Draws have their key in the
// operation, so the copies give the same bits.
func remat(p *ir.Program) error {
	for _, e := range p.Entries {
		if e.Kind == ir.Train && len(e.Outputs) > 0 && e.Outputs[0].Value.Def != nil {
			rematFunc(e)
		}
	}
	return nil
}

// rematerializer is the state of the pass on one training step.
type rematerializer struct {
	f       *ir.Func
	forward map[*ir.Instr]bool
	leaves  map[*ir.Value]bool // kept: read by the forward part outside its instance
	copies  map[*ir.Value]*ir.Value
	out     []*ir.Instr
}

func rematFunc(e *ir.Entry) {
	r := &rematerializer{f: e.Func, forward: map[*ir.Instr]bool{}, leaves: map[*ir.Value]bool{}, copies: map[*ir.Value]*ir.Value{}}
	r.findForward(e.Outputs[0].Value.Def)
	for _, o := range e.Outputs {
		r.leaves[o.Value] = true
	}
	for _, s := range e.Stores {
		r.leaves[s.Value] = true
	}
	for _, i := range e.Func.Instrs {
		for _, a := range i.Args {
			if a.Def != nil && r.forward[i] && i.Remat != a.Def.Remat {
				r.leaves[a] = true
			}
		}
	}
	for _, i := range e.Func.Instrs {
		if !r.forward[i] {
			for n, a := range i.Args {
				i.Args[n] = r.again(a)
			}
		}
		r.out = append(r.out, i)
	}
	e.Func.Instrs = r.out
}

// findForward marks what the loss is computed from.
func (r *rematerializer) findForward(i *ir.Instr) {
	if i == nil || r.forward[i] {
		return
	}
	r.forward[i] = true
	for _, a := range i.Args {
		r.findForward(a.Def)
	}
}

// again returns the value for an adjoint to read: v itself, or its copy, made now.
func (r *rematerializer) again(v *ir.Value) *ir.Value {
	i := v.Def
	if i == nil || i.Remat == 0 || !r.forward[i] || r.leaves[v] {
		return v
	}
	if w, ok := r.copies[v]; ok {
		return w
	}
	c := *i
	c.Args = make([]*ir.Value, len(i.Args))
	for n, a := range i.Args {
		c.Args[n] = r.again(a)
	}
	c.Results = nil
	for _, old := range i.Results {
		w := r.f.NewValue(old.Type, old.Name)
		w.Def, w.Index = &c, old.Index
		c.Results = append(c.Results, w)
		r.copies[old] = w
	}
	r.out = append(r.out, &c)
	return r.copies[v]
}

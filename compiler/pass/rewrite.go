package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
)

// rewriteEntry runs fn over an entry's function and over the functions of its
// metrics. fn records in subst which values took the place of others; bindings
// follow.
func rewriteEntry(e *ir.Entry, fn func(f *ir.Func, subst map[*ir.Value]*ir.Value) error) error {
	subst := map[*ir.Value]*ir.Value{}
	if err := fn(e.Func, subst); err != nil {
		return err
	}
	substitute(e.Func.Results, subst)
	for i := range e.Stores {
		e.Stores[i].Value = follow(e.Stores[i].Value, subst)
	}
	for i := range e.Outputs {
		e.Outputs[i].Value = follow(e.Outputs[i].Value, subst)
	}
	for _, m := range e.Metrics {
		if m.Finish == nil {
			continue
		}
		inner := map[*ir.Value]*ir.Value{}
		if err := fn(m.Finish, inner); err != nil {
			return err
		}
		substitute(m.Finish.Results, inner)
	}
	return nil
}

// follow returns what stands for v.
func follow(v *ir.Value, subst map[*ir.Value]*ir.Value) *ir.Value {
	for {
		n, ok := subst[v]
		if !ok {
			return v
		}
		v = n
	}
}

func substitute(vs []*ir.Value, subst map[*ir.Value]*ir.Value) {
	for i, v := range vs {
		vs[i] = follow(v, subst)
	}
}

// rewriteBodies runs fn over the bodies of a region, in place.
func rewriteBodies(i *ir.Instr, fn func(f *ir.Func, subst map[*ir.Value]*ir.Value) error) error {
	region, ok := i.Op.(ir.Region)
	if !ok {
		return nil
	}
	for _, body := range region.Bodies() {
		inner := map[*ir.Value]*ir.Value{}
		if err := fn(body, inner); err != nil {
			return err
		}
		substitute(body.Results, inner)
	}
	return nil
}

// replace records that v stands for old and keeps old's readable name.
func replace(old, v *ir.Value, subst map[*ir.Value]*ir.Value) {
	if v.Name == "" {
		v.Name = old.Name
	}
	subst[old] = v
}

package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// reuse lets conditions look at a result that is in memory anyway. Where
// m = x > y ? x : y, the condition x > y holds exactly when m > y does, NaN
// included, and where m = x <= y ? y : x, x <= y when m <= y; so the gradient of a
// ReLU reads its result, and neither its argument nor a mask must be kept.
func reuse(p *ir.Program) error {
	for _, e := range p.Entries {
		if err := rewriteEntry(e, reuseFunc); err != nil {
			return err
		}
	}
	return nil
}

func reuseFunc(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
	b := &ir.Builder{Func: f}
	larger := map[*ir.Value]*ir.Value{} // condition x > y or x <= y -> the larger of x and y
	pending := map[*ir.Value]*ir.Value{}
	old := f.Instrs
	f.Instrs = nil
	for _, i := range old {
		if err := rewriteBodies(i, reuseFunc); err != nil {
			return err
		}
		for n, a := range i.Args {
			m := larger[a]
			if m == nil {
				continue
			}
			if pending[a] == nil {
				d := a.Def
				b.Pos, b.Label, b.Path, b.Metric, b.Remat = d.Pos, d.Label, d.Path, d.Metric, d.Remat
				pending[a] = op.Apply(b, d.Op.Name(), m, d.Args[1])
			}
			i.Args[n] = pending[a]
		}
		f.Instrs = append(f.Instrs, i)
		if c := chosenLarger(i); c != nil && larger[c] == nil {
			larger[c] = i.Results[0]
		}
	}
	return b.Err()
}

// chosenLarger returns the condition of select(x > y, x, y) or select(x <= y, y, x);
// nil for another instruction.
func chosenLarger(i *ir.Instr) *ir.Value {
	if e, ok := i.Op.(op.Elementwise); !ok || e.Fn != "select" {
		return nil
	}
	c := i.Args[0]
	if c.Def == nil || len(c.Def.Args) != 2 {
		return nil
	}
	x, y := c.Def.Args[0], c.Def.Args[1]
	switch e, _ := c.Def.Op.(op.Elementwise); {
	case e.Fn == "gt" && i.Args[1] == x && i.Args[2] == y, e.Fn == "le" && i.Args[1] == y && i.Args[2] == x:
		return c
	}
	return nil
}

package pass

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// cse merges instructions that compute the same: equal operation, attributes
// and arguments, those of a commutative function in either order. Every
// operation is pure, random draws too, since their key is an attribute. An
// instruction to be recomputed in a @remat instance is merged only within it.
func cse(p *ir.Program) error {
	for _, e := range p.Entries {
		if err := rewriteEntry(e, cseFunc); err != nil {
			return err
		}
	}
	return nil
}

func cseFunc(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
	seen := map[string]*ir.Instr{}
	keep := f.Instrs[:0]
	for _, i := range f.Instrs {
		substitute(i.Args, subst)
		if err := rewriteBodies(i, cseFunc); err != nil {
			return err
		}
		key, ok := cseKey(i)
		first := seen[key]
		if !ok || first == nil {
			if ok {
				seen[key] = i
			}
			keep = append(keep, i)
			continue
		}
		first.Metric = first.Metric && i.Metric
		for k, r := range i.Results {
			replace(r, first.Results[k], subst)
		}
	}
	f.Instrs = keep
	return nil
}

// cseKey is equal for instructions that may be merged; regions never are.
func cseKey(i *ir.Instr) (string, bool) {
	if _, ok := i.Op.(ir.Region); ok {
		return "", false
	}
	ids := make([]int, len(i.Args))
	for k, a := range i.Args {
		ids[k] = a.ID
	}
	if commutes(i.Op) {
		slices.Sort(ids)
	}
	var b strings.Builder
	b.WriteString(i.Op.Name())
	b.WriteString(ir.Attributes(i.Op))
	for _, id := range ids {
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(id))
	}
	b.WriteByte(';')
	b.WriteString(strconv.Itoa(i.Remat))
	return b.String(), true
}

// commutes reports functions whose arguments may be exchanged without changing
// a bit; max and min are not among them, because a tie of zeros gives the second.
func commutes(o ir.Op) bool {
	e, ok := o.(op.Elementwise)
	return ok && slices.Contains([]string{"add", "mul", "eq", "ne", "and", "or"}, e.Fn)
}

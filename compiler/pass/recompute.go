package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/lower"
)

// recompute ends fusion: a cheap value that a group would keep only for others
// is computed by those others where they read it, when what it is computed from
// lies in memory anyway or is much smaller.
func (u *fuser) recompute() {
	for _, i := range slices.Backward(slices.Clone(u.f.Instrs)) {
		if i.Group <= noGroup || u.prober.Kind(i) != "map" || len(i.Results) != 1 {
			continue
		}
		v := i.Results[0]
		if u.kept[v] || !u.readElsewhere(v) || u.readsMemoryOnly(v) || !u.fromMemory(i) {
			continue
		}
		u.release(i)
	}
}

// readElsewhere reports whether another group reads v.
func (u *fuser) readElsewhere(v *ir.Value) bool {
	return slices.ContainsFunc(u.readers(v.Def), func(n int) bool { return n != v.Def.Group })
}

// readsMemoryOnly reports whether v, or a view of it, is an operand of an
// instruction that reads only memory.
func (u *fuser) readsMemoryOnly(v *ir.Value) bool {
	return slices.ContainsFunc(u.users[v], func(user *ir.Instr) bool {
		switch u.prober.Kind(user) {
		case "contract", "whole", "scan":
			return true
		}
		return user.Group <= noGroup && slices.ContainsFunc(user.Results, u.readsMemoryOnly)
	})
}

// fromMemory reports whether i is cheap over values that are in memory in any
// case, or that have fewer axes than its result.
func (u *fuser) fromMemory(i *ir.Instr) bool {
	ok := u.cost(i) <= cheap
	seen := map[*ir.Value]bool{}
	var visit func(i *ir.Instr)
	visit = func(x *ir.Instr) {
		for _, a := range x.Args {
			if seen[a] || a.Def == nil {
				continue
			}
			seen[a] = true
			if a.Def.Group <= noGroup {
				visit(a.Def)
				continue
			}
			small := len(dropOnes(a)) < len(dropOnes(i.Results[0]))
			ok = ok && (small || u.kept[a] || u.readElsewhere(a))
		}
	}
	visit(i)
	return ok
}

func dropOnes(v *ir.Value) []int {
	var axes []int
	for n, d := range v.Type.Shape {
		if !d.Is(1) {
			axes = append(axes, n)
		}
	}
	return axes
}

// release makes the other groups compute i for themselves: i itself when its own
// group does not need it, else a copy.
func (u *fuser) release(i *ir.Instr) {
	v := i.Results[0]
	own := false
	for _, user := range u.users[v] {
		own = own || user.Group == i.Group
		if user.Group <= noGroup && slices.Contains(u.readers(user), i.Group) {
			return // shared by both sides: keep it in memory
		}
	}
	if own {
		u.copyFor(i, func(user *ir.Instr) bool { return user.Group != i.Group })
		return
	}
	u.group(i.Group).size--
	i.Group = lower.Inlined
	u.prober.Leave(i)
}

package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
)

// recompute ends fusion: a cheap value that a group would keep only for others
// is computed by those others where they read it, when what it is computed from
// lies in memory anyway or is much smaller.
func (u *fuser) recompute() {
	u.keepShared()
	for _, i := range slices.Backward(slices.Clone(u.f.Instrs)) {
		if i.Group <= noGroup || len(u.users[i.Results[0]]) == 0 || u.prober.Kind(i) != "map" || len(i.Results) != 1 {
			continue
		}
		if u.mayRelease(i) && len(u.missing(i)) == 0 {
			u.release(i)
		}
	}
}

// keepShared keeps a value from which others of its group are cheap, when that
// spares keeping two or more of those: 1 + t and 1 - t*t need t alone.
func (u *fuser) keepShared() {
	sources := map[*ir.Value]int{}
	var order []*ir.Value
	for _, i := range u.f.Instrs {
		if i.Group <= noGroup || u.prober.Kind(i) != "map" || len(i.Results) != 1 || !u.mayRelease(i) {
			continue
		}
		if m := u.missing(i); len(m) == 1 && m[0].Def.Group == i.Group {
			if sources[m[0]] == 0 {
				order = append(order, m[0])
			}
			sources[m[0]]++
		}
	}
	for _, v := range order {
		if sources[v] >= 2 {
			u.kept[v] = true
		}
	}
}

// mayRelease reports whether others may compute i for themselves as far as its
// readers and its own work go.
func (u *fuser) mayRelease(i *ir.Instr) bool {
	v := i.Results[0]
	if u.kept[v] || !u.readElsewhere(v) || u.readsMemoryOnly(v) {
		return false
	}
	cost := u.chainCost(i)
	return cost <= cheap || cost-ownCost(i) <= cheap && u.moves(i)
}

// moves reports whether only one other group reads i, at its own points: then i
// is computed there instead of here, whatever it costs.
func (u *fuser) moves(i *ir.Instr) bool {
	readers := u.readers(i)
	return len(readers) == 1 && readers[0] != i.Group && u.accepts(readers[0], i, nil) && u.prober.Fits(readers[0], i)
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

// chain visits what others would compute for i: i, what is computed where it is
// read, and cheap values of i's group that are not in memory. At the values
// where it ends, leaf is called.
func (u *fuser) chain(i *ir.Instr, node func(*ir.Instr), leaf func(*ir.Value)) {
	seen := map[*ir.Instr]bool{i: true}
	var visit func(x *ir.Instr)
	visit = func(x *ir.Instr) {
		node(x)
		for _, a := range x.Args {
			switch {
			case a.Def == nil || seen[a.Def]:
			case a.Def.Group <= noGroup || u.passes(a, i):
				seen[a.Def] = true
				visit(a.Def)
			default:
				leaf(a)
			}
		}
	}
	visit(i)
}

// passes reports whether a value of i's own group belongs to the chain.
func (u *fuser) passes(a *ir.Value, i *ir.Instr) bool {
	return a.Def.Group == i.Group && u.prober.Kind(a.Def) == "map" && ownCost(a.Def) < costOfLookup && !u.inMemory(a)
}

func (u *fuser) inMemory(v *ir.Value) bool { return u.kept[v] || u.readElsewhere(v) }

func (u *fuser) chainCost(i *ir.Instr) int {
	total := 0
	u.chain(i, func(x *ir.Instr) { total += ownCost(x) }, func(*ir.Value) {})
	return total
}

// missing lists the ends of i's chain that are not in memory in any case. Those
// with fewer axes than i's result do not count: keeping them is cheap.
func (u *fuser) missing(i *ir.Instr) []*ir.Value {
	var out []*ir.Value
	u.chain(i, func(*ir.Instr) {}, func(a *ir.Value) {
		small := len(dropOnes(a)) < len(dropOnes(i.Results[0]))
		if !small && !u.inMemory(a) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	})
	return out
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

// release makes the other groups compute i's chain for themselves. What only
// they read is dropped from i's group.
func (u *fuser) release(i *ir.Instr) {
	v := i.Results[0]
	for _, user := range u.users[v] {
		if user.Group <= noGroup && slices.Contains(u.readers(user), i.Group) {
			return // shared by both sides: keep it in memory
		}
	}
	u.copyFor(i, func(user *ir.Instr) bool { return user.Group != i.Group })
	u.dropUnused(i)
}

// dropUnused removes i, and then what only i read, when nothing reads its results.
func (u *fuser) dropUnused(i *ir.Instr) {
	for _, r := range i.Results {
		if len(u.users[r]) > 0 || u.kept[r] {
			return
		}
	}
	if i.Group > noGroup {
		u.group(i.Group).size--
	}
	u.f.Instrs = slices.DeleteFunc(u.f.Instrs, func(x *ir.Instr) bool { return x == i })
	for _, a := range i.Args {
		u.users[a] = slices.DeleteFunc(u.users[a], func(x *ir.Instr) bool { return x == i })
		if a.Def != nil && u.prober.Kind(a.Def) == "map" {
			u.dropUnused(a.Def)
		}
	}
}

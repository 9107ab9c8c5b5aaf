package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/lower"
)

// demandOperands gives memory to operands of contractions that are no plain
// loads, and to all operands of kernels that are one operation's own.
func (u *fuser) demandOperands() {
	for _, i := range u.f.Instrs {
		switch {
		case i.Group <= noGroup:
		case u.group(i.Group).kind == "contract" && u.prober.Kind(i) == "contract":
			for _, n := range u.prober.BadOperands(i) {
				u.keepFor(u.base(i, n), i.Group)
			}
		case u.group(i.Group).kind == "whole" || u.group(i.Group).kind == "scan":
			for _, a := range i.Args {
				u.keepFor(a, i.Group)
			}
		}
	}
}

// base returns the value that operand n's views look at, when that is computed
// where it is read and having it in memory is enough; else the operand itself,
// whose views are the trouble.
func (u *fuser) base(i *ir.Instr, n int) *ir.Value {
	base := i.Args[n]
	for base.Def != nil && base.Def.Group <= noGroup && isView(base.Def) {
		base = base.Def.Args[0]
	}
	if base.Def == nil || base.Def.Group > noGroup {
		return i.Args[n]
	}
	u.prober.Open(noGroup, base.Type.Shape, nil)
	u.prober.Join(noGroup, base.Def)
	bad := slices.Contains(u.prober.BadOperands(i), n)
	u.prober.Leave(base.Def)
	if bad {
		return i.Args[n]
	}
	return base
}

// keep marks a value that must have memory and returns the one whose memory it shares.
func (u *fuser) keep(v *ir.Value) *ir.Value {
	for v.Def != nil && v.Def.Group <= noGroup && isReshape(v.Def) {
		v = v.Def.Args[0]
	}
	u.kept[v] = true
	return v
}

// keepFor marks an operand that a group reads from memory only.
func (u *fuser) keepFor(v *ir.Value, group int) {
	v = u.keep(v)
	u.operandOf[v] = append(u.operandOf[v], group)
}

// backward decides about an instruction that no group computes; what reads it
// is decided.
func (u *fuser) backward(i *ir.Instr) {
	if i.Group > noGroup {
		return
	}
	must := slices.ContainsFunc(i.Results, func(v *ir.Value) bool { return u.kept[v] })
	if isReshape(i) {
		if must { // memory shared with what it reshapes
			u.keep(i.Results[0])
		}
		return
	}
	if must && u.cost(i) == 0 { // counts and constants: whoever can computes them
		u.splitUsers(i)
	}
	readers := u.readers(i)
	if !must && (len(readers) < 2 || isView(i) || u.cost(i) <= cheap) {
		return
	}
	for _, n := range readers {
		if !u.isOperandOf(i, n) && u.joinReader(n, i, readers) {
			return
		}
	}
	if circular := u.circular(i, readers); len(circular) > 0 {
		if !must && len(readers)-len(circular) < 2 {
			return
		}
		u.split(i, circular)
		readers = u.readers(i)
	}
	g := u.open(i, "map")
	g.outer = i.Results[0].Type.Shape
	u.prober.Open(i.Group, g.outer, nil)
	u.prober.Join(i.Group, i)
	for _, n := range readers {
		u.group(n).deps.add(i.Group)
	}
}

// circular lists the readers of i that must run before what i is computed from:
// groups of several phases that compute i on the way. They cannot read it from
// memory.
func (u *fuser) circular(i *ir.Instr, readers []int) []int {
	from := u.producers(i)
	var out []int
	for _, n := range readers {
		if slices.ContainsFunc(from, func(p int) bool { return u.waits(p, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// split lets the given groups read a copy of i, which is computed where it is read.
func (u *fuser) split(i *ir.Instr, groups []int) {
	inGroups := func(n int) bool { return slices.Contains(groups, n) }
	u.copyFor(i, func(user *ir.Instr) bool {
		if user.Group > noGroup {
			return inGroups(user.Group)
		}
		return slices.ContainsFunc(u.readers(user), inGroups)
	})
}

// splitUsers leaves i to those that read memory only.
func (u *fuser) splitUsers(i *ir.Instr) {
	var groups []int
	for _, n := range u.readers(i) {
		if !u.isOperandOf(i, n) {
			groups = append(groups, n)
		}
	}
	if len(groups) > 0 {
		u.split(i, groups)
	}
}

// copyFor makes a copy of i that is computed where it is read, and lets the users
// that want it read the copy. Cheap values of i's group that are not in memory
// are copied with it.
func (u *fuser) copyFor(i *ir.Instr, wants func(user *ir.Instr) bool) {
	c := u.inlineCopy(i)
	for n, v := range i.Results {
		w := c.Results[n]
		var stay []*ir.Instr
		for _, user := range u.users[v] {
			if !wants(user) {
				stay = append(stay, user)
				continue
			}
			for k, a := range user.Args {
				if a == v {
					user.Args[k] = w
				}
			}
			u.users[w] = append(u.users[w], user)
		}
		u.users[v] = stay
	}
}

// inlineCopy adds a copy of i, computed where it is read, behind i.
func (u *fuser) inlineCopy(i *ir.Instr) *ir.Instr {
	c := *i
	c.Group = lower.Inlined
	c.Args = slices.Clone(i.Args)
	for n, a := range c.Args {
		if i.Group > noGroup && a.Def != nil && a.Def.Group == i.Group && u.passes(a, i) {
			c.Args[n] = u.inlineCopy(a.Def).Results[a.Index]
		}
	}
	c.Results = nil
	for _, v := range i.Results {
		w := u.f.NewValue(v.Type, v.Name)
		w.Def, w.Index = &c, v.Index
		c.Results = append(c.Results, w)
	}
	u.f.Instrs = slices.Insert(u.f.Instrs, slices.Index(u.f.Instrs, i)+1, &c)
	u.place[&c] = u.place[i]
	for _, a := range c.Args {
		if !slices.Contains(u.users[a], &c) {
			u.users[a] = append(u.users[a], &c)
		}
	}
	return &c
}

func (u *fuser) isOperandOf(i *ir.Instr, n int) bool {
	return slices.ContainsFunc(i.Results, func(v *ir.Value) bool { return slices.Contains(u.operandOf[v], n) })
}

// joinReader lets one of the groups that read i compute and keep it for the others.
func (u *fuser) joinReader(n int, i *ir.Instr, readers []int) bool {
	if !u.accepts(n, i, u.producers(i)) || !u.prober.Fits(n, i) {
		return false
	}
	for _, other := range readers {
		if other != n && u.waits(n, other) {
			return false
		}
	}
	u.join(n, i, u.producers(i))
	g := u.group(n)
	g.first = min(g.first, u.place[i])
	for _, other := range readers {
		if other != n {
			u.group(other).deps.add(n)
		}
	}
	return true
}

// readers lists the groups that read i's results, through what is computed where
// it is read; the one that starts first in the program comes first.
func (u *fuser) readers(i *ir.Instr) []int {
	var out []int
	seen := map[*ir.Instr]bool{}
	var visit func(i *ir.Instr)
	visit = func(i *ir.Instr) {
		for _, r := range i.Results {
			for _, user := range u.users[r] {
				switch {
				case user.Group > noGroup:
					if !slices.Contains(out, user.Group) {
						out = append(out, user.Group)
					}
				case !seen[user]:
					seen[user] = true
					visit(user)
				}
			}
		}
	}
	visit(i)
	slices.SortFunc(out, func(x, y int) int {
		if d := u.group(x).first - u.group(y).first; d != 0 {
			return d
		}
		return x - y
	})
	return out
}

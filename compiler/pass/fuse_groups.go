package pass

import (
	"math/bits"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/lower"
)

// noGroup is below the number of every group.
const noGroup = 0

// fuseGroup is a group with the groups that must run before it.
type fuseGroup struct {
	kind         string
	outer, inner []dim.Dim
	metric       bool
	size         int
	first        int // place of its first instruction
	deps         bitset
}

// open starts a group with i in it.
func (u *fuser) open(i *ir.Instr, kind string) *fuseGroup {
	g := &fuseGroup{kind: kind, metric: i.Metric, size: 1, first: u.place[i]}
	u.groups = append(u.groups, g)
	i.Group = len(u.groups)
	for _, n := range u.producers(i) {
		g.deps.add(n)
	}
	return g
}

func (u *fuser) group(n int) *fuseGroup { return u.groups[n-1] }

// producers lists the groups that i's arguments come from, through what is
// computed where it is read; latest first.
func (u *fuser) producers(i *ir.Instr) []int {
	var out []int
	seen := map[*ir.Instr]bool{}
	var visit func(i *ir.Instr)
	visit = func(i *ir.Instr) {
		for _, a := range i.Args {
			switch {
			case a.Def == nil || seen[a.Def]:
			case a.Def.Group > noGroup:
				if !slices.Contains(out, a.Def.Group) {
					out = append(out, a.Def.Group)
				}
			default:
				seen[a.Def] = true
				visit(a.Def)
			}
		}
	}
	visit(i)
	slices.SortFunc(out, func(x, y int) int { return y - x })
	return out
}

// accepts reports whether group n may take i without waiting for itself.
func (u *fuser) accepts(n int, i *ir.Instr, from []int) bool {
	g := u.group(n)
	switch g.kind {
	case "map", "row", "serial", "contract":
	default:
		return false
	}
	if g.metric != i.Metric || g.size >= largestGroup {
		return false
	}
	for _, other := range from {
		if other != n && u.waits(other, n) {
			return false
		}
	}
	return true
}

func (u *fuser) join(n int, i *ir.Instr, from []int) {
	g := u.group(n)
	g.size++
	i.Group = n
	u.prober.Join(n, i)
	for _, other := range from {
		if other != n {
			g.deps.add(other)
		}
	}
}

// waits reports whether group a must run after group b.
func (u *fuser) waits(a, b int) bool {
	var seen bitset
	var visit func(n int) bool
	visit = func(n int) bool {
		if n == b {
			return true
		}
		if !seen.add(n) {
			return false
		}
		found := false
		u.group(n).deps.each(func(d int) { found = found || visit(d) })
		return found
	}
	return visit(a)
}

// mergeRows joins groups of rows over the same axes where one reads the other
// and nothing stands between them: a loss and its gradient are one kernel.
func (u *fuser) mergeRows() {
	for n := range u.groups {
		b := n + 1
		if u.group(b).kind != "row" {
			continue
		}
		var from []int
		u.group(b).deps.each(func(a int) { from = append(from, a) })
		for _, a := range slices.Backward(from) {
			if u.mayMerge(a, b) {
				u.merge(a, b)
			}
		}
	}
}

func (u *fuser) mayMerge(a, b int) bool {
	x, y := u.group(a), u.group(b)
	if a == b || x.kind != "row" || x.size == 0 || x.metric != y.metric || x.size+y.size > largestGroup ||
		!lower.SameSpace(x.outer, y.outer) || !lower.SameSpace(x.inner, y.inner) {
		return false
	}
	between := false
	y.deps.each(func(d int) { between = between || d != a && u.waits(d, a) })
	return !between
}

// merge moves a's instructions to b, or leaves both when a result of one would
// be read at another point.
func (u *fuser) merge(a, b int) {
	var all []*ir.Instr
	for _, i := range u.f.Instrs {
		if i.Group == a || i.Group == b {
			all = append(all, i)
		}
	}
	x, y := u.group(a), u.group(b)
	u.prober.Open(b, x.outer, x.inner)
	for n, i := range all {
		if u.prober.Fits(b, i) {
			u.prober.Join(b, i)
			continue
		}
		for _, i := range all[:n] {
			u.prober.Leave(i)
		}
		u.reopen(a, all)
		u.reopen(b, all)
		return
	}
	for _, i := range all {
		i.Group = b
	}
	y.outer, y.inner = x.outer, x.inner
	y.size += x.size
	y.first = min(x.first, y.first)
	x.size = 0
	for n, g := range u.groups {
		if g.deps.remove(a) && n+1 != b {
			g.deps.add(b)
		}
	}
	x.deps.each(func(d int) { y.deps.add(d) })
	x.deps = bitset{}
}

func (u *fuser) reopen(n int, instrs []*ir.Instr) {
	g := u.group(n)
	u.prober.Open(n, g.outer, g.inner)
	for _, i := range instrs {
		if i.Group == n {
			u.prober.Join(n, i)
		}
	}
}

// bitset is a set of small numbers.
type bitset struct{ words []uint64 }

// add reports whether n is new.
func (s *bitset) add(n int) bool {
	for len(s.words) <= n/64 {
		s.words = append(s.words, 0)
	}
	if s.words[n/64]&(1<<(n%64)) != 0 {
		return false
	}
	s.words[n/64] |= 1 << (n % 64)
	return true
}

// remove reports whether n was a member.
func (s *bitset) remove(n int) bool {
	if n/64 >= len(s.words) || s.words[n/64]&(1<<(n%64)) == 0 {
		return false
	}
	s.words[n/64] &^= 1 << (n % 64)
	return true
}

// each visits the members in ascending order.
func (s *bitset) each(visit func(n int)) {
	for w, word := range s.words {
		for ; word != 0; word &= word - 1 {
			visit(w*64 + bits.TrailingZeros64(word))
		}
	}
}

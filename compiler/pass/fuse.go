package pass

import (
	"math/bits"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/lower"
	"github.com/mlc-go/mlc/compiler/op"
)

// fuse chooses the groups of instructions that become one kernel each.
//
// Walking forwards, a pointwise instruction joins the group that computes one of
// its arguments (an epilogue), and a reduction joins a group of rows over the
// same axes. What cannot join is computed where it is read, unless that is too
// much work, or it must lie in memory: then it gets a kernel, with others of its
// shape. No choice changes a bit.
func fuse(p *ir.Program) error {
	for _, e := range p.Entries {
		markMetrics(e)
		var kept []*ir.Value
		for _, s := range e.Stores {
			kept = append(kept, s.Value)
		}
		for _, o := range e.Outputs {
			kept = append(kept, o.Value)
		}
		fuseFunc(e.Func, kept)
		for _, m := range e.Metrics {
			if m.Finish != nil {
				fuseFunc(m.Finish, m.Finish.Results)
			}
		}
	}
	return nil
}

// markMetrics marks the instructions of a training step that only metrics need.
func markMetrics(e *ir.Entry) {
	if e.Kind != ir.Train || len(e.Outputs) == 0 {
		return
	}
	needed := map[*ir.Instr]bool{}
	var need func(v *ir.Value)
	need = func(v *ir.Value) {
		if v.Def == nil || needed[v.Def] {
			return
		}
		needed[v.Def] = true
		for _, a := range v.Def.Args {
			need(a)
		}
	}
	need(e.Outputs[0].Value)
	for _, s := range e.Stores {
		if s.Var.Kind != ir.MetricState {
			need(s.Value)
		}
	}
	for _, i := range e.Func.Instrs {
		i.Metric = !needed[i]
	}
}

// What may be computed where it is read.
const (
	costOfCall   = 20 // exp and its like
	costOfDraw   = 40 // a random number
	costOfLookup = 5  // a load at a position that was loaded
	costOfChoice = 2  // a select between operands
	cheap        = 4  // at most this much is computed again in each of several groups
	largestGroup = 96 // instructions in one kernel, so that code stays readable and compiles fast
)

// noGroup is below the number of every group.
const noGroup = 0

// fuser is the state of the pass on one function.
type fuser struct {
	f      *ir.Func
	prober *lower.Prober
	place  map[*ir.Instr]int
	users  map[*ir.Value][]*ir.Instr
	kept   map[*ir.Value]bool // must have memory: outputs, stores, operands of what reads memory only
	// operandOf lists the groups that read a kept value from memory only: they
	// cannot compute it themselves.
	operandOf map[*ir.Value][]int
	groups    []*fuseGroup // groups[n-1] has number n
}

// fuseGroup is a group with the groups that must run before it.
type fuseGroup struct {
	kind         string
	outer, inner []dim.Dim
	metric       bool
	size         int
	first        int // place of its first instruction
	deps         bitset
}

func fuseFunc(f *ir.Func, kept []*ir.Value) {
	for _, i := range f.Instrs {
		if region, ok := i.Op.(ir.Region); ok {
			for _, body := range region.Bodies() {
				fuseFunc(body, body.Results)
			}
		}
	}
	u := &fuser{f: f, prober: lower.NewProber(f), place: map[*ir.Instr]int{}, users: map[*ir.Value][]*ir.Instr{}, kept: map[*ir.Value]bool{},
		operandOf: map[*ir.Value][]int{}}
	for n, i := range f.Instrs {
		u.place[i] = n
		i.Group = lower.Inlined
		for _, a := range i.Args {
			u.users[a] = append(u.users[a], i)
		}
	}
	for _, v := range kept {
		u.kept[v] = true
	}
	for _, i := range f.Instrs {
		u.forward(i)
	}
	u.mergeRows()
	u.demandOperands()
	for _, i := range slices.Backward(slices.Clone(f.Instrs)) {
		u.backward(i)
	}
	u.recompute()
}

// forward places one instruction; its arguments are placed.
func (u *fuser) forward(i *ir.Instr) {
	kind := u.prober.Kind(i)
	if kind == "map" {
		if !isView(i) && !isConstant(i) {
			u.joinProducer(i)
		}
		return
	}
	if kind == "row" || kind == "serial" {
		if u.joinRows(i, kind) {
			return
		}
	}
	g := u.open(i, kind)
	switch kind {
	case "row", "serial":
		spec := lower.ReduceShape(i)
		g.outer = i.Results[0].Type.Shape
		for _, a := range spec.Axes {
			g.inner = append(g.inner, a.Extent)
		}
	case "contract":
		g.outer = i.Results[0].Type.Shape
	}
	u.prober.Open(i.Group, g.outer, g.inner)
	u.prober.Join(i.Group, i)
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

// joinProducer adds a pointwise instruction to the latest group that computes
// one of its arguments and can compute it too.
func (u *fuser) joinProducer(i *ir.Instr) bool {
	from := u.producers(i)
	for _, n := range from {
		if u.accepts(n, i, from) && u.prober.Fits(n, i) {
			u.join(n, i, from)
			return true
		}
	}
	return false
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

// joinRows adds a reduction to a group that computes its operand and reduces
// over the same axes, or that holds its operand at every point.
func (u *fuser) joinRows(i *ir.Instr, kind string) bool {
	from := u.producers(i)
	outer := i.Results[0].Type.Shape
	var inner []dim.Dim
	for _, a := range lower.ReduceShape(i).Axes {
		inner = append(inner, a.Extent)
	}
	for _, n := range from {
		g := u.group(n)
		if !u.accepts(n, i, from) {
			continue
		}
		if g.kind == "map" && kind == "row" && len(outer) > 0 && lower.SameSpace(g.outer, slices.Concat(outer, inner)) && u.becomeRows(n, outer, inner) {
			g.kind = kind
		}
		if g.kind == kind && lower.SameSpace(g.inner, inner) && u.prober.Fits(n, i) {
			u.join(n, i, from)
			return true
		}
	}
	return false
}

// becomeRows turns a group of points into one of rows.
func (u *fuser) becomeRows(n int, outer, inner []dim.Dim) bool {
	g := u.group(n)
	g.outer, g.inner = outer, inner
	u.prober.Open(n, outer, inner)
	return true
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

// cost estimates the work of computing i where it is read.
func (u *fuser) cost(i *ir.Instr) int {
	total := 0
	seen := map[*ir.Instr]bool{}
	var visit func(i *ir.Instr)
	visit = func(i *ir.Instr) {
		seen[i] = true
		total += ownCost(i)
		for _, a := range i.Args {
			if a.Def != nil && a.Def.Group <= noGroup && !seen[a.Def] {
				visit(a.Def)
			}
		}
	}
	visit(i)
	return total
}

func ownCost(i *ir.Instr) int {
	switch o := i.Op.(type) {
	case op.HostScalar, op.Iota:
		return 0
	case op.Elementwise:
		if o.Row().Costly {
			return costOfCall
		}
		return 1
	case op.Cast:
		return 1
	case op.Gather, op.Take:
		return costOfLookup
	}
	switch {
	case isView(i):
		return 0
	case len(i.Args) == 0:
		return costOfDraw
	}
	return costOfChoice
}

// isView reports whether an instruction only renames the positions of its operand.
func isView(i *ir.Instr) bool {
	switch i.Op.(type) {
	case op.Reshape, op.Transpose, op.Broadcast, op.Slice, op.StopGradient:
		return true
	}
	return false
}

func isReshape(i *ir.Instr) bool {
	_, ok := i.Op.(op.Reshape)
	return ok
}

func isConstant(i *ir.Instr) bool {
	switch i.Op.(type) {
	case op.HostScalar, op.Iota:
		return true
	}
	return false
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

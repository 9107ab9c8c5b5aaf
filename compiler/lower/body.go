package lower

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// body lowers one ir.Func: an entry's, or a scan's.
type body struct {
	s     *scope
	f     *ir.Func
	train bool
	loops []enclosing // scans around it, innermost last
	// adjoint marks the body of a scan that pass grad made.
	adjoint bool

	places  map[*ir.Value]place // parameters, and stored values once they have memory
	stores  []store
	outputs []output

	groupOf map[*ir.Instr]*group // nil: computed where it is read
	posOf   map[*ir.Instr]int
	readers map[*ir.Value][]*ir.Instr // by need
	groups  []*group
	isOut   map[*ir.Value]string // root values that are outputs, by output name
}

// store leaves a value in a stored tensor, or another place that outlives the body.
type store struct {
	v  *ir.Value
	to *loop.Buffer
	at *loop.Index
}

type output struct {
	name string
	v    *ir.Value
}

// group is the instructions of one kernel, or a copy, or a scan.
type group struct {
	id     int // position in body.groups
	pos    int // position of its first instruction in the function
	instrs []*ir.Instr
	kind   kind

	copyOf *ir.Value // a copy: the value, and where it goes
	copyTo store

	keeps []*ir.Value // own values that others read from memory
	needs []*ir.Value // values in memory that it reads, roots
	into  map[*ir.Value]*loop.Buffer

	before  []*group       // copies that start a scan's carries
	carries []*loop.Buffer // of a scan

	k         *kernel
	deps      []*group // groups that must run before
	afterLoss bool
}

// kind says how a group becomes phases.
type kind uint8

const (
	mapKind kind = iota
	rowKind
	serialKind
	contractKind
	sequenceKind
	wholeKind
	scanKind
)

func newBody(s *scope, f *ir.Func) *body {
	return &body{s: s, f: f, places: map[*ir.Value]place{}, groupOf: map[*ir.Instr]*group{}, posOf: map[*ir.Instr]int{}, isOut: map[*ir.Value]string{}}
}

func (b *body) bind(v *ir.Value, p place) { b.places[v] = p }

// lower returns the schedule of the body.
func (b *body) lower() ([]loop.Step, error) {
	b.makeGroups()
	if err := b.demandOperands(); err != nil {
		return nil, err
	}
	b.makeCopies()
	b.findNeeds()
	for _, g := range b.groups {
		if err := b.build(g); err != nil {
			return nil, err
		}
	}
	b.findDeps()
	b.storeInPlace()
	order, err := b.schedule()
	if err != nil {
		return nil, err
	}
	return b.emit(order)
}

// makeGroups collects the groups that pass fuse chose; an instruction of group
// zero has a kernel of its own.
func (b *body) makeGroups() {
	byID := map[int]*group{}
	for pos, i := range b.f.Instrs {
		b.posOf[i] = pos
		if i.Group == Inlined {
			if _, ok := i.Op.(op.Pointwise); ok {
				continue
			}
		}
		g := byID[i.Group]
		if i.Group <= 0 || g == nil {
			g = b.newGroup(pos)
			if i.Group > 0 {
				byID[i.Group] = g
			}
		}
		b.add(g, i)
	}
}

func (b *body) newGroup(pos int) *group {
	g := &group{id: len(b.groups), pos: pos, into: map[*ir.Value]*loop.Buffer{}}
	b.groups = append(b.groups, g)
	return g
}

func (g *group) addDep(d *group) {
	if d != g && !slices.Contains(g.deps, d) {
		g.deps = append(g.deps, d)
	}
}

func (b *body) add(g *group, i *ir.Instr) {
	b.groupOf[i] = g
	g.instrs = append(g.instrs, i)
	g.kind = max(g.kind, kindOf(i))
}

func kindOf(i *ir.Instr) kind {
	switch i.Op.(type) {
	case ir.Region:
		return scanKind
	case op.Pointwise:
		return mapKind
	case op.Reducing:
		if ReduceOrder(i) == loop.Serial {
			return serialKind
		}
		return rowKind
	case op.Contracting:
		return contractKind
	case op.Sequencing:
		return sequenceKind
	}
	return wholeKind
}

// ReduceOrder returns the order of a reducing instruction, which depends on its
// operand's shape alone.
func ReduceOrder(i *ir.Instr) loop.ReduceOrder { return ReduceShape(i).Order }

// ReduceShape describes a reducing instruction at an arbitrary point: its
// Value must not be called.
func ReduceShape(i *ir.Instr) op.ReduceSpec {
	k := newKernel(nil, nil)
	k.probing = true
	out := k.points(axes(axisNames[:], i.Results[0].Type.Shape))
	return i.Op.(op.Reducing).Reduce(k.context(i), make([]op.Source, len(i.Args)), out)
}

// inlined reports whether v is computed wherever it is read.
func (b *body) inlined(v *ir.Value) bool { return v.Def != nil && b.groupOf[v.Def] == nil }

// root follows reshapes that are mere aliases to the value whose memory they share.
func (b *body) root(v *ir.Value) *ir.Value {
	for b.inlined(v) && isReshape(v.Def) {
		v = v.Def.Args[0]
	}
	return v
}

func isReshape(i *ir.Instr) bool {
	_, ok := i.Op.(op.Reshape)
	return ok
}

// inMemory reports whether v, or what it aliases, has memory.
func (b *body) inMemory(v *ir.Value) bool { return !b.inlined(b.root(v)) }

// materialise gives an inlined value a kernel of its own.
func (b *body) materialise(v *ir.Value) {
	v = b.root(v)
	if !b.inlined(v) {
		return
	}
	b.add(b.newGroup(b.posOf[v.Def]), v.Def)
}

// demandOperands gives memory to inlined values that must have it: operands of
// contractions that are no plain loads, of whole kernels and of scans.
func (b *body) demandOperands() error {
	for _, i := range b.f.Instrs {
		g := b.groupOf[i]
		if g == nil {
			continue
		}
		switch kindOf(i) {
		case contractKind:
			for _, n := range b.badOperands(i) {
				b.materialise(i.Args[n])
			}
		case wholeKind:
			for _, a := range i.Args {
				b.materialise(a)
			}
		case scanKind:
			b.prepareScan(g, i)
		}
	}
	return nil
}

// badOperands lists the operands of a contraction that are not loads at affine
// positions, and could be if they were in memory.
func (b *body) badOperands(i *ir.Instr) []int {
	k := newKernel(b, nil)
	k.probing = true
	out := k.points(axes(axisNames[:], i.Results[0].Type.Shape))
	spec := i.Op.(op.Contracting).Contract(k.context(i), k.sources(i), out)
	red := k.points(spec.Axes)
	var bad []int
	for n, e := range []*loop.Expr{spec.A(red), spec.B(red)} {
		if !isAffineLoad(e) && !b.inMemory(i.Args[n]) {
			bad = append(bad, n)
		}
	}
	return bad
}

func isAffineLoad(e *loop.Expr) bool {
	if e.Op != loop.Load {
		return false
	}
	for _, x := range e.Index {
		if divides(x) || loads(x) {
			return false
		}
	}
	return true
}

func loads(e *loop.Expr) bool {
	return e.Op == loop.Load || slices.ContainsFunc(e.Args, loads)
}

// makeCopies adds a copy for every output and store whose value is not computed
// by a group, or is wanted in several places.
func (b *body) makeCopies() {
	for n, o := range b.outputs {
		root := b.root(o.v)
		_, param := b.places[root]
		_, taken := b.isOut[root]
		switch {
		case b.inlined(root):
			b.materialise(root)
			b.isOut[root] = o.name
		case param || taken:
			g := b.newGroup(len(b.f.Instrs) + n)
			g.copyOf = o.v
			g.copyTo = store{v: o.v, to: b.s.newBuffer(o.name, loop.Output, o.v.Type)}
			b.s.fn.Outputs = append(b.s.fn.Outputs, loop.NamedBuffer{Name: o.name, Buffer: g.copyTo.to})
			continue
		default:
			b.isOut[root] = o.name
		}
		buf := b.s.newBuffer(o.name, loop.Output, o.v.Type)
		b.groupOf[root.Def].into[root] = buf
		b.s.fn.Outputs = append(b.s.fn.Outputs, loop.NamedBuffer{Name: o.name, Buffer: buf})
	}
	for _, st := range b.stores {
		if root := b.root(st.v); b.inlined(root) {
			b.materialise(root)
		}
	}
}

// copyStore adds a copy of a store's value, made at the end.
func (b *body) copyStore(st store) *group {
	g := b.newGroup(len(b.f.Instrs) + len(b.groups))
	g.copyOf, g.copyTo = st.v, st
	return g
}

// findNeeds finds which values each group reads from memory and which of its
// own it must keep there, then drops the groups that nothing needs.
func (b *body) findNeeds() {
	leaves := map[*ir.Value][]*ir.Value{}
	for _, g := range b.groups {
		b.needsOf(g, leaves)
	}
	wanted := map[*group]bool{}
	starts := map[*group]bool{} // copies that only a scan wants
	for _, g := range b.groups {
		for _, c := range g.before {
			starts[c] = true
		}
	}
	for _, g := range b.groups {
		if g.copyOf != nil && !starts[g] {
			b.want(g, wanted)
		}
	}
	for _, o := range b.outputs {
		b.wantValue(b.root(o.v), wanted)
	}
	for _, st := range b.stores {
		b.wantValue(b.root(st.v), wanted)
	}
	b.groups = slices.DeleteFunc(b.groups, func(g *group) bool { return !wanted[g] })
	for n, g := range b.groups {
		g.id = n
		slices.SortFunc(g.keeps, func(x, y *ir.Value) int { return x.ID - y.ID })
	}
}

// wantValue makes the group of a value keep it, and itself wanted.
func (b *body) wantValue(v *ir.Value, wanted map[*group]bool) {
	if v.Def == nil {
		return
	}
	g := b.groupOf[v.Def]
	if !slices.Contains(g.keeps, v) {
		g.keeps = append(g.keeps, v)
	}
	b.want(g, wanted)
}

func (b *body) want(g *group, wanted map[*group]bool) {
	if wanted[g] {
		return
	}
	wanted[g] = true
	for _, n := range g.needs {
		b.wantValue(n, wanted)
	}
	for _, c := range g.before {
		b.want(c, wanted)
	}
}

func (b *body) needsOf(g *group, leaves map[*ir.Value][]*ir.Value) {
	seen := map[*ir.Value]bool{}
	read := func(v *ir.Value) {
		for _, leaf := range b.leavesOf(v, leaves) {
			if leaf.Def != nil && b.groupOf[leaf.Def] == g || seen[leaf] {
				continue
			}
			seen[leaf] = true
			g.needs = append(g.needs, leaf)
		}
	}
	if g.copyOf != nil {
		read(g.copyOf)
	}
	for _, i := range g.instrs {
		for n, a := range i.Args {
			if s, ok := i.Op.(op.Scan); ok && n >= s.Xs && n < s.Xs+s.Carries {
				continue // read by the copies that start the carries
			}
			read(a)
		}
	}
}

// leavesOf returns the values with memory or of groups that v is computed from.
func (b *body) leavesOf(v *ir.Value, memo map[*ir.Value][]*ir.Value) []*ir.Value {
	if !b.inlined(v) {
		return []*ir.Value{v}
	}
	if l, ok := memo[v]; ok {
		return l
	}
	var out []*ir.Value
	for _, a := range v.Def.Args {
		for _, leaf := range b.leavesOf(a, memo) {
			if !slices.Contains(out, leaf) {
				out = append(out, leaf)
			}
		}
	}
	memo[v] = out
	return out
}

// findDeps records which groups must run before which.
func (b *body) findDeps() {
	for _, g := range b.groups {
		for _, v := range g.needs {
			if v.Def != nil {
				g.addDep(b.groupOf[v.Def])
			}
		}
		for _, c := range g.before {
			g.addDep(c)
		}
	}
	if !b.train || len(b.outputs) == 0 {
		return
	}
	for _, g := range b.groups {
		g.afterLoss = true
	}
	var before func(g *group)
	before = func(g *group) {
		if g.afterLoss {
			g.afterLoss = false
			for _, d := range g.deps {
				before(d)
			}
		}
	}
	loss := b.root(b.outputs[0].v)
	for _, g := range b.groups {
		if loss.Def != nil && g == b.groupOf[loss.Def] || loss.Def == nil && g.copyOf == b.outputs[0].v {
			before(g)
		}
	}
}

// reaches reports whether from must run before to.
func reaches(from, to *group, seen map[*group]bool) bool {
	if from == to {
		return true
	}
	if seen[to] {
		return false
	}
	seen[to] = true
	for _, d := range to.deps {
		if reaches(from, d, seen) {
			return true
		}
	}
	return false
}

// schedule orders the groups: what the loss needs first, then by position.
func (b *body) schedule() ([]*group, error) {
	waiting := map[*group]int{}
	users := map[*group][]*group{}
	for _, g := range b.groups {
		for _, d := range g.deps {
			waiting[g]++
			users[d] = append(users[d], g)
		}
	}
	before := func(x, y *group) bool {
		if x.afterLoss != y.afterLoss {
			return y.afterLoss
		}
		if x.pos != y.pos {
			return x.pos < y.pos
		}
		return x.id < y.id
	}
	var ready, order []*group
	insert := func(g *group) {
		at, _ := slices.BinarySearchFunc(ready, g, func(x, y *group) int {
			if before(x, y) {
				return 1 // the next one to run stands last
			}
			return -1
		})
		ready = slices.Insert(ready, at, g)
	}
	for _, g := range b.groups {
		if waiting[g] == 0 {
			insert(g)
		}
	}
	for len(ready) > 0 {
		g := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		order = append(order, g)
		for _, u := range users[g] {
			if waiting[u]--; waiting[u] == 0 {
				insert(u)
			}
		}
	}
	if len(order) != len(b.groups) {
		return nil, fmt.Errorf("%d groups of instructions wait for each other", len(b.groups)-len(order))
	}
	return order, nil
}

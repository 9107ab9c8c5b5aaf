package lower

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// storeInPlace decides for every store whether the kernel that computes the new
// value writes the stored tensor's memory itself. It may when every other
// reader of the old value can run before it, its own reads are of the element
// that it writes, and it does not run before the loss is known to be finite.
// Otherwise the value has its own memory and is copied when all readers are done.
func (b *body) storeInPlace() {
	var copied, computed []store
	for _, st := range b.stores {
		root := b.root(st.v)
		switch {
		case root.Def == nil && b.places[root] == (place{st.to, st.at}): // unchanged
		case root.Def == nil:
			copied = append(copied, st)
		default:
			computed = append(computed, st)
		}
	}
	// Copies of old values come first: they are readers that a store in place
	// must wait for.
	var copies []*group
	for _, st := range copied {
		copies = append(copies, b.copyGroup(st))
	}
	for _, st := range computed {
		if !b.tryInPlace(st, b.root(st.v)) {
			copied, copies = append(copied, st), append(copies, b.copyGroup(st))
		}
	}
	for n, st := range copied {
		for _, reader := range b.oldReaders(st) {
			copies[n].addDep(reader)
		}
	}
}

// copyGroup makes the group that copies a store's value to its target.
func (b *body) copyGroup(st store) *group {
	g := b.copyStore(st)
	b.needsOf(g, map[*ir.Value][]*ir.Value{})
	if err := b.build(g); err != nil {
		panic("lower: a copy cannot fail: " + err.Error())
	}
	if root := b.root(st.v); root.Def != nil {
		g.addDep(b.groupOf[root.Def])
	}
	g.afterLoss = b.train
	return g
}

// oldReaders lists the groups that read the old value of a store's target.
func (b *body) oldReaders(st store) []*group {
	var out []*group
	for _, g := range b.groups {
		if slices.ContainsFunc(g.needs, func(v *ir.Value) bool { return b.isOld(v, st) }) {
			out = append(out, g)
		}
	}
	return out
}

// isOld reports whether v is a parameter of the body that lies in st's target.
func (b *body) isOld(v *ir.Value, st store) bool {
	if v.Def != nil {
		return false
	}
	p, ok := b.places[v]
	return ok && p.buf == st.to
}

func (b *body) tryInPlace(st store, root *ir.Value) bool {
	g := b.groupOf[root.Def]
	_, isOutput := b.isOut[root]
	switch {
	case isOutput, g.into[root] != nil, g.k == nil, b.train && !g.afterLoss:
		return false
	case !dim.EqualShapes(root.Type.Shape, st.v.Type.Shape):
		return false
	}
	readers := b.oldReaders(st)
	for _, h := range readers {
		if h != g && reaches(g, h, map[*group]bool{}) {
			return false
		}
	}
	isOld := func(v *ir.Value) bool { return b.isOld(v, st) }
	if !b.updatesSlice(g, root, isOld) && !g.k.writesOver(root, isOld) {
		return false
	}
	for _, h := range readers {
		g.addDep(h)
	}
	g.into[root] = st.to
	b.places[root] = place{st.to, st.at}
	return true
}

// updatesSlice replaces the kernel of update_slice(old, update, position) by one
// that writes the update's elements alone, when the old value lies where the new
// one goes and the update does not read it: a key-value cache costs one step's
// keys and values, not its whole length.
func (b *body) updatesSlice(g *group, root *ir.Value, isOld func(*ir.Value) bool) bool {
	u, ok := root.Def.Op.(op.UpdateSlice)
	if !ok || len(g.instrs) != 1 || !isOld(root.Def.Args[0]) {
		return false
	}
	k := newKernel(b, g)
	update := root.Def.Args[1]
	idx := k.space(update.Type.Shape)
	value := k.value(update, idx)
	at := u.Target(k.context(root.Def), k.sources(root.Def), idx)
	to := k.param(root, root.Type.Shape, true)
	k.phase(&loop.Phase{Kind: loop.Map, Stores: []*loop.Store{{Param: to, Index: at, Value: value}}})
	if k.err != nil || slices.ContainsFunc(k.args, func(a arg) bool { return !a.write && isOld(a.v) }) {
		return false
	}
	k.k.Dims = loop.UsedDims(k.k)
	g.k = k
	return true
}

// writesOver makes the parameter that root is stored through the one that the
// old value is read through, when every read is of the element being written
// and not in a later phase. Without such reads there is nothing to do.
func (k *kernel) writesOver(root *ir.Value, isOld func(*ir.Value) bool) bool {
	write, read := -1, -1
	for n, a := range k.args {
		switch {
		case a.write && a.v == root && a.to == nil:
			write = n
		case !a.write && isOld(a.v):
			if read >= 0 {
				return false
			}
			read = n
		}
	}
	if write < 0 {
		return false
	}
	if read < 0 {
		return true
	}
	wp, rp := k.k.Params[write], k.k.Params[read]
	if !dim.EqualShapes(wp.Shape, rp.Shape) || !readsOnlyAtStore(k.k, rp, wp) {
		return false
	}
	for _, ph := range k.k.Phases {
		for _, s := range ph.Stores {
			if s.Param == wp {
				s.Param = rp
			}
		}
	}
	rp.Write = true
	k.args[read].write = true
	k.args[read].v = root
	k.k.Params = slices.Delete(k.k.Params, write, write+1)
	k.args = slices.Delete(k.args, write, write+1)
	return true
}

// readsOnlyAtStore reports whether every load of rp is of the element that the
// one store to wp writes, in the store's phase or before.
func readsOnlyAtStore(k *loop.Kernel, rp, wp *loop.Param) bool {
	var target *loop.Store
	at := -1
	for n, ph := range k.Phases {
		for _, s := range ph.Stores {
			if s.Param == wp {
				if target != nil || ph.Kind != loop.Map || s.If != nil {
					return false
				}
				target, at = s, n
			}
		}
	}
	if target == nil {
		return false
	}
	ok := true
	seen := map[*loop.Expr]bool{}
	for n, ph := range k.Phases {
		var visit func(e *loop.Expr)
		visit = func(e *loop.Expr) {
			if e.Op == loop.Load && e.Param == rp && (n > at || !slices.Equal(e.Index, target.Index)) {
				ok = false
			}
			if seen[e] && n <= at {
				return
			}
			seen[e] = true
			for _, a := range e.Index {
				visit(a)
			}
			for _, a := range e.Args {
				visit(a)
			}
			if e.Guard != nil {
				visit(e.Guard)
			}
		}
		loop.PhaseExprs(ph, visit)
	}
	return ok
}

package lower

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// enclosing is a scan around a body.
type enclosing struct {
	loop    *loop.For
	reverse bool
}

// prepareScan sees to the operands of a scan. Sequences must lie in memory by
// themselves, because a call can take the slice of a whole buffer only. Carries
// start as copies, which also become the last carries.
func (b *body) prepareScan(g *group, i *ir.Instr) {
	s := i.Op.(op.Scan)
	for k, a := range i.Args {
		switch {
		case k < s.Xs:
			i.Args[k] = b.wholeSequence(g, a)
		case k >= s.Xs+s.Carries:
			b.materialise(a)
		}
	}
	for k := range s.Carries {
		init, last := i.Args[s.Xs+k], i.Results[s.Yields()+k]
		buf := b.s.newBuffer(carryName(s, k), loop.Temp, init.Type)
		c := b.newGroup(g.pos)
		c.copyOf, c.copyTo = init, store{v: init, to: buf}
		g.before = append(g.before, c)
		g.carries = append(g.carries, buf)
		b.places[last] = place{buf: buf}
	}
}

func carryName(s op.Scan, k int) string {
	if name := camel(s.Body.Params[s.Xs+k].Name); name != "" {
		return name
	}
	return "carry"
}

// wholeSequence returns a value with the elements of v that has a buffer of its
// own shape.
func (b *body) wholeSequence(g *group, v *ir.Value) *ir.Value {
	root := b.root(v)
	p, bound := b.places[root]
	direct := root == v || len(root.Type.Shape) > 0 && root.Type.Shape[0].Equal(v.Type.Shape[0])
	switch {
	case bound && p.at == nil && direct:
		return v
	case !bound && direct:
		b.materialise(v)
		return v
	case !bound && b.inlined(v):
		b.add(b.newGroup(b.posOf[v.Def]), v.Def) // a reshape with memory of its own
		return v
	}
	// a parameter, seen through a reshape or itself a slice: a copy
	c := &ir.Instr{Op: op.StopGradient{}, Args: []*ir.Value{v}, Label: g.instrs[0].Label, Pos: g.instrs[0].Pos}
	w := b.f.NewValue(v.Type, v.Name)
	w.Def = c
	c.Results = []*ir.Value{w}
	b.posOf[c] = g.pos
	b.add(b.newGroup(g.pos), c)
	return w
}

// emitScan returns the loop of a scan. The body's calls write the stacked
// results' slices and the carries directly where they can.
func (b *body) emitScan(g *group) ([]loop.Step, error) {
	i := g.instrs[0]
	s := i.Op.(op.Scan)
	l := &loop.For{Name: "t", Extent: s.Length, Origin: b.s.l.origin(i.Pos, i.Label)}
	nb := newBody(b.s, s.Body)
	nb.loops = append(b.loops[:len(b.loops):len(b.loops)], enclosing{l, s.Reverse})
	nb.adjoint = b.isAdjoint(i)
	at := &loop.Index{Loop: l, Reverse: s.Reverse}
	for k, p := range s.Body.Params {
		from := b.places[b.root(i.Args[k])]
		switch {
		case k < s.Xs:
			nb.bind(p, place{from.buf, at})
		case k < s.Xs+s.Carries:
			nb.bind(p, place{buf: g.carries[k-s.Xs]})
		default:
			nb.bind(p, from)
		}
	}
	for k, r := range s.Body.Results {
		if k < s.Yields() {
			nb.stores = append(nb.stores, store{v: r, to: b.places[i.Results[k]].buf, at: at})
		} else {
			nb.stores = append(nb.stores, store{v: r, to: g.carries[k-s.Yields()]})
		}
	}
	steps, err := nb.lower()
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	l.Body = steps
	eachCall(steps, func(c *loop.Call) { c.AfterLoss, c.Metric = g.afterLoss, b.isMetric(g) })
	return []loop.Step{l}, nil
}

// iteration is the number of the present round of the enclosing scans as uint32:
// the position in time, whatever the direction; zero without a scan.
func (k *kernel) iteration() *loop.Expr {
	n := k.x.Int(0)
	for d, e := range k.b.loops {
		name := "iteration"
		if d > 0 {
			name = fmt.Sprintf("iteration%d", d+1)
		}
		if !k.probing && !contains(k.k.Counters, name) {
			k.k.Counters = append(k.k.Counters, name)
			k.counters = append(k.counters, e.loop)
		}
		t := k.x.Counter(name)
		if e.reverse {
			t = k.x.Sub(k.x.Dim(e.loop.Extent.Sub(dim.Const(1))), t)
		}
		n = k.x.Add(k.x.Mul(n, k.x.Int(1<<16)), t)
	}
	return k.x.Cast(dim.Uint32, n)
}

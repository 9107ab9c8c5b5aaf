package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// blockTemps lets the temporaries around convolutions live in panels along the
// channels. A convolution's results are many along its output channels, all with
// the same input elements, while a row of pixels is often shorter than a vector
// and ends in padding. Sums over pixels, one for each channel, find their lanes
// side by side too.
//
// Temporaries that some kernel walks together change together, or not at all.
func (l *layouter) blockTemps() {
	eachFunc(l.p, func(f *loop.Func) {
		t := &tempBlocks{l: l, lane: map[*loop.Buffer]int{}, root: map[*loop.Buffer]*loop.Buffer{}, seed: map[*loop.Buffer]bool{}, bad: map[*loop.Buffer]bool{}}
		calls := loop.Calls(f)
		for _, c := range calls {
			t.seeds(c)
		}
		for _, c := range calls {
			t.join(c)
		}
		for _, c := range calls {
			t.check(c)
		}
		t.apply(f)
	})
}

type tempBlocks struct {
	l    *layouter
	lane map[*loop.Buffer]int // the axis of channels, of seeds and what joins them
	root map[*loop.Buffer]*loop.Buffer
	seed map[*loop.Buffer]bool
	bad  map[*loop.Buffer]bool
}

func (t *tempBlocks) find(b *loop.Buffer) *loop.Buffer {
	for t.root[b] != nil {
		b = t.root[b]
	}
	return b
}

// may reports whether a buffer can be blocked along some axis.
func (t *tempBlocks) may(b *loop.Buffer) bool {
	return b.Kind == loop.Temp && len(b.Shape) > 2 && t.l.free(b)
}

// blockWidth is the width of panels for an axis; 0 when they would not be full.
func blockWidth(n dim.Dim) int {
	c, ok := n.Int()
	switch {
	case !ok || c <= 0:
		return 0
	case c%panelWidth == 0:
		return panelWidth
	case c%(panelWidth/2) == 0:
		return panelWidth / 2
	}
	return 0
}

func bufferOf(c *loop.Call, p *loop.Param) *loop.Buffer {
	return c.Args[slices.Index(c.Kernel.Params, p)].Buffer
}

// seeds finds the results of a contraction with a stored tensor that lie apart
// along the one axis that the tensor alone has.
func (t *tempBlocks) seeds(c *loop.Call) {
	k := c.Kernel
	ph := contraction(k)
	if ph == nil || ph.A.Op != loop.Load || ph.B.Op != loop.Load {
		return
	}
	for _, a := range k.Space {
		x := sideOf(ph, a)
		if x == nil || x.Guard != nil || blockWidth(a.Extent) == 0 || bufferOf(c, x.Param).Kind != loop.Stored {
			continue
		}
		for _, s := range storesOf(k) {
			b := bufferOf(c, s.Param)
			if d := laneOf(s.Index, a); d >= 0 && d < len(s.Index)-1 && t.may(b) {
				t.lane[b], t.seed[b] = d, true
			}
		}
	}
}

// plainIndex returns the axes of an index that is nothing else.
func plainIndex(index []*loop.Expr) ([]*loop.Axis, bool) {
	out := make([]*loop.Axis, len(index))
	for i, e := range index {
		if e.Op != loop.AxisVar {
			return nil, false
		}
		out[i] = e.Axis
	}
	return out, true
}

// kernelAccesses calls f for every load and store of a kernel.
func kernelAccesses(k *loop.Kernel, f func(ph *loop.Phase, p *loop.Param, index []*loop.Expr)) {
	for _, ph := range k.Phases {
		seen := map[*loop.Expr]bool{}
		var visit func(e *loop.Expr)
		visit = func(e *loop.Expr) {
			if e == nil || seen[e] {
				return
			}
			seen[e] = true
			if e.Op == loop.Load {
				f(ph, e.Param, e.Index)
			}
			for _, list := range [2][]*loop.Expr{e.Args, e.Index} {
				for _, x := range list {
					visit(x)
				}
			}
			visit(e.Guard)
		}
		loop.PhaseExprs(ph, visit)
		for _, s := range ph.Stores {
			f(ph, s.Param, s.Index)
		}
	}
}

// join unites the temporaries that a kernel reads or writes at the same index.
func (t *tempBlocks) join(c *loop.Call) {
	type access struct {
		b    *loop.Buffer
		axes []*loop.Axis
	}
	var all []access
	kernelAccesses(c.Kernel, func(ph *loop.Phase, p *loop.Param, index []*loop.Expr) {
		if axes, ok := plainIndex(index); ok && t.may(bufferOf(c, p)) {
			all = append(all, access{bufferOf(c, p), axes})
		}
	})
	for i, x := range all {
		for _, y := range all[:i] {
			if rx, ry := t.find(x.b), t.find(y.b); rx != ry && slices.Equal(x.axes, y.axes) {
				t.unite(rx, ry)
			}
		}
	}
}

func (t *tempBlocks) unite(x, y *loop.Buffer) {
	dx, okX := t.lane[x]
	dy, okY := t.lane[y]
	switch {
	case okX && okY && dx != dy:
		t.bad[y] = true
	case okX:
		t.lane[y] = dx
	}
	t.root[x] = y
	t.seed[y] = t.seed[y] || t.seed[x]
	t.bad[y] = t.bad[y] || t.bad[x]
}

// longRow is the number of elements from which on a sum along a row that lies
// apart in memory costs too much.
const longRow = 64

// check finds the temporaries that some kernel walks in a way that panels along
// the channels do not serve.
func (t *tempBlocks) check(c *loop.Call) {
	kernelAccesses(c.Kernel, func(ph *loop.Phase, p *loop.Param, index []*loop.Expr) {
		b := t.find(bufferOf(c, p))
		d, ok := t.lane[b]
		if !ok {
			return
		}
		if index[d].Op != loop.AxisVar || blockWidth(p.Shape[d]) == 0 || ph.Kind == loop.Sort || ph.Kind == loop.Sequence {
			t.bad[b] = true
			return
		}
		if ph.Kind != loop.Reduce || ph.Order != loop.Lanes {
			return
		}
		n, known := dim.Product(extentsOf(ph.Axes)).Int()
		if !known || n > longRow || slices.Contains(ph.Axes, index[d].Axis) {
			t.bad[b] = true
		}
	})
}

func extentsOf(axes []*loop.Axis) []dim.Dim {
	out := make([]dim.Dim, len(axes))
	for i, a := range axes {
		out[i] = a.Extent
	}
	return out
}

// apply gives the layout to all temporaries of the groups that want it.
func (t *tempBlocks) apply(f *loop.Func) {
	for _, b := range f.Buffers {
		r := t.find(b)
		if d, ok := t.lane[r]; ok && t.seed[r] && !t.bad[r] && t.may(b) {
			b.Layout = panels(b.Shape, d)
			b.Layout.Width = blockWidth(b.Shape[d])
		}
	}
}

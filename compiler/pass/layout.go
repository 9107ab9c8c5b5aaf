package pass

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// layout chooses how stored tensors lie in memory. A contraction runs along one
// axis of its result in vector lanes and wants the operand that has this axis to
// be consecutive along it. Where that operand is a stored tensor, the tensor
// lives in panels for ever, and so do the optimizer's states that are updated
// with it; where it is another tensor, pass pack copies it. Temporaries around
// convolutions live in panels along their channels (see blockTemps).
//
// Inference decides first. Layout changes no order of summation.
func layout(p *loop.Program) error {
	l := &layouter{p: p, fixed: map[any]bool{}}
	l.findFixed()
	l.blockTemps()
	if err := l.apply(); err != nil {
		return err
	}
	for _, kind := range []string{"forward", "train", "eval"} {
		for _, f := range p.Funcs {
			if f.Kind != kind {
				continue
			}
			for _, c := range loop.Calls(f) {
				l.choose(c)
			}
		}
	}
	l.spread()
	return l.apply()
}

// panelWidth is the number of lanes in a block; narrow tensors use half.
const panelWidth = 32

type layouter struct {
	p     *loop.Program
	fixed map[any]bool // tensors (see home) seen in another shape or sliced: they stay row-major
}

// home is what a layout belongs to: the stored tensor of a buffer, or itself.
func home(b *loop.Buffer) any {
	if b.Var != nil {
		return b.Var
	}
	return b
}

// setLayout lets a buffer, and all others of its stored tensor, lie in a layout.
func setLayout(b *loop.Buffer, l *loop.Layout) {
	b.Layout = l
	if b.Var != nil {
		b.Var.Layout = l
	}
}

func layoutOf(b *loop.Buffer) *loop.Layout {
	if b.Var != nil {
		return b.Var.Layout
	}
	return b.Layout
}

// eachFunc visits all functions, those that finish metrics too.
func eachFunc(p *loop.Program, visit func(*loop.Func)) {
	for _, f := range p.Funcs {
		visit(f)
		for _, m := range f.Metrics {
			if m.Finish != nil {
				visit(m.Finish)
			}
		}
	}
}

// usedKernels are the kernels that are called, and their parts.
func usedKernels(p *loop.Program) map[*loop.Kernel]bool {
	used := map[*loop.Kernel]bool{}
	eachFunc(p, func(f *loop.Func) {
		for _, c := range loop.Calls(f) {
			used[c.Kernel] = true
			for _, part := range c.Kernel.Parts {
				used[part.Kernel] = true
			}
		}
	})
	return used
}

// findFixed finds the tensors that some kernel sees in another shape than their
// own, which only works row-major.
func (l *layouter) findFixed() {
	eachFunc(l.p, func(f *loop.Func) {
		for _, c := range loop.Calls(f) {
			sizes := callSizes(c)
			for n, a := range c.Args {
				p := c.Kernel.Params[n]
				if a.At != nil || !sameShape(p.Shape, a.Buffer.Shape, sizes) {
					l.fixed[home(a.Buffer)] = true
				}
			}
		}
	})
}

func callSizes(c *loop.Call) map[string]dim.Dim {
	sizes := map[string]dim.Dim{}
	for n, d := range c.Dims {
		sizes[c.Kernel.Dims[n]] = d
	}
	return sizes
}

func sameShape(a, b []dim.Dim, sizes map[string]dim.Dim) bool {
	return slices.EqualFunc(a, b, func(x, y dim.Dim) bool { return x.Subst(sizes).Equal(y) })
}

// operand is one side of a contraction: a load that has the lane axis.
type operand struct {
	load *loop.Expr
	lane *loop.Axis
}

// wanted returns the operand of a contraction that is not consecutive along the
// axis in which the results are, or ok false when all is well or beyond help.
func wanted(k *loop.Kernel) (w operand, ok bool) {
	ph := contraction(k)
	if ph == nil || ph.A.Op != loop.Load || ph.B.Op != loop.Load {
		return w, false
	}
	for _, a := range slices.Backward(k.Space) {
		inA, inB := loop.Mentions(ph.A, a), loop.Mentions(ph.B, a)
		if inA == inB || a.Extent.Is(1) || !storedAlong(k, a) {
			continue
		}
		x := ph.B
		if inA {
			x = ph.A
		}
		if loop.Consecutive(x.Param, x.Index, a) {
			return w, false
		}
		if w.load == nil && (x.Guard == nil || rowMajor(x, a)) {
			w = operand{x, a}
		}
	}
	return w, w.load != nil
}

// rowMajor reports whether a load from panels would be consecutive along an axis
// without them.
func rowMajor(x *loop.Expr, a *loop.Axis) bool {
	plain := *x.Param
	plain.Layout = nil
	return x.Param.Layout != nil && loop.Consecutive(&plain, x.Index, a)
}

// contraction returns the contract phase of a kernel; nil without one.
func contraction(k *loop.Kernel) *loop.Phase {
	for _, ph := range k.Phases {
		if ph.Kind == loop.Contract {
			return ph
		}
	}
	return nil
}

// storedAlong reports whether every store of a kernel is consecutive along an axis.
func storedAlong(k *loop.Kernel, a *loop.Axis) bool {
	for _, ph := range k.Phases {
		for _, s := range ph.Stores {
			if !loop.Consecutive(s.Param, s.Index, a) {
				return false
			}
		}
	}
	return true
}

// choose gives the stored tensor that a call's contraction wants in another
// order the layout for it. The first call decides.
func (l *layouter) choose(c *loop.Call) {
	if l.chooseWider(c) {
		return
	}
	w, ok := wanted(c.Kernel)
	if !ok {
		return
	}
	b := c.Args[slices.Index(c.Kernel.Params, w.load.Param)].Buffer
	if b.Var == nil || !l.free(b) {
		return
	}
	if lane := laneOf(w.load.Index, w.lane); lane >= 0 {
		setLayout(b, panels(b.Shape, lane))
	}
}

// free reports whether a buffer may still get a layout.
func (l *layouter) free(b *loop.Buffer) bool {
	return layoutOf(b) == nil && !l.fixed[home(b)] && len(b.Shape) > 1
}

// laneOf returns the one dimension of an index that moves with an axis, by one;
// -1 when there is none.
func laneOf(index []*loop.Expr, a *loop.Axis) int {
	lane := -1
	for n, e := range index {
		switch c, ok := loop.Coefficient(e, a); {
		case !ok:
			return -1
		case c.Is(1) && lane < 0:
			lane = n
		case !c.Is(0):
			return -1
		}
	}
	return lane
}

// chooseWider handles contractions whose results are consecutive along a short
// axis, as a convolution's weight gradient is along its kernel: few lanes would
// work. The tensors that they write, of constant shape, are put into panels
// along an axis that fills the lanes; pass pack copies the operand.
func (l *layouter) chooseWider(c *loop.Call) bool {
	k := c.Kernel
	ph := contraction(k)
	if ph == nil || ph.A.Op != loop.Load || ph.B.Op != loop.Load {
		return false
	}
	now, best := 0.0, 0.0
	var wide *loop.Axis
	for _, a := range k.Space {
		x := sideOf(ph, a)
		if x == nil {
			continue
		}
		if storedAlong(k, a) && loop.Consecutive(x.Param, x.Index, a) {
			now = max(now, laneShare(a))
			continue
		}
		if share := laneShare(a); x.Guard == nil && share > best && l.canStore(c, a) {
			best, wide = share, a
		}
	}
	if wide == nil || best < 1.5*now {
		return false
	}
	for _, s := range storesOf(k) {
		b := c.Args[slices.Index(k.Params, s.Param)].Buffer
		setLayout(b, panels(b.Shape, laneOf(s.Index, wide)))
	}
	return true
}

// sideOf returns the one operand of a contraction that has an axis of its
// results; nil when both have it.
func sideOf(ph *loop.Phase, a *loop.Axis) *loop.Expr {
	inA, inB := loop.Mentions(ph.A, a), loop.Mentions(ph.B, a)
	switch {
	case inA == inB || a.Extent.Is(1):
		return nil
	case inA:
		return ph.A
	}
	return ph.B
}

// laneShare is the part of the lanes that an axis fills; an unknown extent fills them.
func laneShare(a *loop.Axis) float64 {
	n, ok := a.Extent.Int()
	if !ok || n >= panelWidth {
		return 1
	}
	const half = panelWidth / 2
	return float64(n) / float64((n+half-1)/half*half)
}

func storesOf(k *loop.Kernel) []*loop.Store {
	var out []*loop.Store
	for _, ph := range k.Phases {
		out = append(out, ph.Stores...)
	}
	return out
}

// canStore reports whether all tensors that a call writes may be put into panels
// along an axis: their shapes are constant, and they have no layout yet.
func (l *layouter) canStore(c *loop.Call, a *loop.Axis) bool {
	for _, s := range storesOf(c.Kernel) {
		b := c.Args[slices.Index(c.Kernel.Params, s.Param)].Buffer
		if b.Kind != loop.Stored && b.Kind != loop.Temp || !l.free(b) || laneOf(s.Index, a) < 0 {
			return false
		}
		for _, d := range b.Shape {
			if _, ok := d.Int(); !ok {
				return false
			}
		}
	}
	return true
}

// panels is the blocked layout with an axis in the lanes.
func panels(shape []dim.Dim, lane int) *loop.Layout {
	out := &loop.Layout{Lane: lane, Width: panelWidth}
	if n, ok := shape[lane].Int(); ok && n <= panelWidth/2 {
		out.Width = panelWidth / 2
	}
	for a := range shape {
		if a != lane {
			out.Rest = append(out.Rest, a)
		}
	}
	return out
}

// spread gives the same layout to the tensors that a kernel writes at the same
// index as one with a layout: an optimizer's states.
func (l *layouter) spread() {
	for changed := true; changed; {
		changed = false
		eachFunc(l.p, func(f *loop.Func) {
			for _, c := range loop.Calls(f) {
				changed = l.spreadCall(c) || changed
			}
		})
	}
}

func (l *layouter) spreadCall(c *loop.Call) (changed bool) {
	varOf := func(p *loop.Param) *loop.Var { return c.Args[slices.Index(c.Kernel.Params, p)].Buffer.Var }
	for _, ph := range c.Kernel.Phases {
		for _, s := range ph.Stores {
			v := varOf(s.Param)
			if v == nil || v.Layout == nil {
				continue
			}
			for _, o := range ph.Stores {
				w := varOf(o.Param)
				if w != nil && w.Layout == nil && !l.fixed[any(w)] && w.Kind == "optimizer" && slices.Equal(o.Index, s.Index) && dim.EqualShapes(v.Shape, w.Shape) {
					w.Layout = v.Layout
					changed = true
				}
			}
		}
	}
	return changed
}

// apply sets the layouts of buffers and parameters. Calls of one kernel whose
// tensors differ in layout get kernels of their own.
func (l *layouter) apply() error {
	variants := map[*loop.Kernel]map[string]*loop.Kernel{}
	names := map[string]bool{}
	for _, k := range l.p.Kernels {
		names[k.Name] = true
	}
	var kernels []*loop.Kernel
	eachFunc(l.p, func(f *loop.Func) {
		for _, b := range f.Buffers {
			if b.Var != nil {
				b.Layout = b.Var.Layout
			}
		}
		for _, c := range loop.Calls(f) {
			k := c.Kernel
			key := ""
			for _, a := range c.Args {
				key += layoutKey(a.Buffer.Layout)
			}
			if variants[k] == nil {
				variants[k] = map[string]*loop.Kernel{}
			}
			v := variants[k][key]
			if v == nil {
				v = k
				if len(variants[k]) > 0 {
					v = loop.CopyKernel(k)
					v.Name = freeName(names, k.Name)
				}
				for n, a := range c.Args {
					v.Params[n].Layout = a.Buffer.Layout
				}
				variants[k][key] = v
				kernels = append(kernels, v)
			}
			c.Kernel = v
		}
	})
	l.p.Kernels = kernels
	return nil
}

// freeName takes a name that no kernel has.
func freeName(taken map[string]bool, name string) string {
	for n := 2; ; n++ {
		if try := fmt.Sprintf("%s%d", name, n); !taken[try] {
			taken[try] = true
			return try
		}
	}
}

func layoutKey(l *loop.Layout) string {
	if l == nil {
		return ";"
	}
	return fmt.Sprintf("%d %d %v;", l.Lane, l.Width, l.Rest)
}

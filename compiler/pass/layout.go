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
// with it; where it is another tensor, pass pack copies it.
//
// Inference decides first. Layout changes no order of summation.
func layout(p *loop.Program) error {
	l := &layouter{p: p, fixed: map[*loop.Var]bool{}}
	l.findFixed()
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
	fixed map[*loop.Var]bool // seen in another shape or sliced: stays row-major
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

// findFixed finds the tensors that some kernel sees in another shape than their
// own, which only works row-major.
func (l *layouter) findFixed() {
	eachFunc(l.p, func(f *loop.Func) {
		for _, c := range loop.Calls(f) {
			sizes := callSizes(c)
			for n, a := range c.Args {
				p := c.Kernel.Params[n]
				if v := a.Buffer.Var; v != nil && (a.At != nil || !sameShape(p.Shape, v.Shape, sizes)) {
					l.fixed[v] = true
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
		if w.load == nil && x.Guard == nil {
			w = operand{x, a}
		}
	}
	return w, w.load != nil
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
	w, ok := wanted(c.Kernel)
	if !ok {
		return
	}
	v := c.Args[slices.Index(c.Kernel.Params, w.load.Param)].Buffer.Var
	if v == nil || v.Layout != nil || l.fixed[v] || len(v.Shape) < 2 {
		return
	}
	lane := -1
	for n, e := range w.load.Index {
		switch c, ok := loop.Coefficient(e, w.lane); {
		case !ok:
			return
		case c.Is(1) && lane < 0:
			lane = n
		case !c.Is(0):
			return
		}
	}
	if lane >= 0 {
		v.Layout = panels(v.Shape, lane)
	}
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
				if w != nil && w.Layout == nil && !l.fixed[w] && w.Kind == "optimizer" && slices.Equal(o.Index, s.Index) && dim.EqualShapes(v.Shape, w.Shape) {
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

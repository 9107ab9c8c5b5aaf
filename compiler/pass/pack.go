package pass

import (
	"math"
	"slices"
	"strconv"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/lower"
)

// pack copies the operand of a contraction that is not consecutive along the
// lanes into a temporary that is, ahead of the call. The copy costs one pass
// over the operand, which the contraction reads once for each of its other rows.
// A copy that a loop does not change is made before the loop.
func pack(p *loop.Program) error {
	k := &packer{p: p, names: map[string]bool{}, made: map[*loop.Kernel][]*packing{}, copies: map[*loop.Kernel]bool{}}
	for _, x := range p.Kernels {
		k.names[x.Name] = true
	}
	for _, x := range slices.Clone(p.Kernels) {
		k.kernel(x)
	}
	eachFunc(p, func(f *loop.Func) {
		next := 0
		for _, b := range slices.Concat(f.Inputs, f.Buffers) {
			next = max(next, b.ID)
		}
		s := &packSchedule{k: k, f: f, next: next, taken: map[string]bool{}}
		for _, b := range slices.Concat(f.Inputs, f.Buffers) {
			s.taken[b.Name] = true
		}
		f.Body = s.steps(f.Body)
		f.Buffers = orderBuffers(f)
	})
	return nil
}

type packer struct {
	p      *loop.Program
	names  map[string]bool
	made   map[*loop.Kernel][]*packing
	copies map[*loop.Kernel]bool
}

// packing is what a contraction's kernel needs before it.
type packing struct {
	copy   *loop.Kernel
	from   int         // position of the copied parameter in the contraction's old list
	to     *loop.Param // the new parameter, the last one
	shape  []dim.Dim   // of the temporary, over the kernel's sizes
	layout *loop.Layout
	drop   bool // the contraction reads the old parameter no more
}

// fewRows is the number of rows from which on a copy pays.
const fewRows = 4

// kernel rewrites a contraction that wants another order, and makes the copies.
func (k *packer) kernel(x *loop.Kernel) {
	if w, ok := wanted(x); ok {
		if !tooFewRows(x, w) {
			k.operand(x, w)
		}
		return
	}
	for _, w := range apart(x) {
		k.operand(x, w)
	}
}

// operand rewrites one operand of a contraction.
func (k *packer) operand(x *loop.Kernel, w operand) {
	ph := contraction(x)
	to := &loop.Param{Name: freshParam(x, w.load.Param.Name+"Packed"), DType: w.load.Type, Read: true}
	var load *loop.Expr
	var cp *loop.Kernel
	if w.load.Guard != nil || uneven(x, ph, w.load) {
		if !rowMajor(w.load, w.lane) && laneOf(w.load.Index, w.lane) < 0 {
			return // the lanes run over computed positions, of which no panel can be made
		}
		load, cp = k.whole(x, w, to)
	} else {
		load, cp = k.walked(x, ph, w, to)
	}
	pk := &packing{from: slices.Index(x.Params, w.load.Param), to: to, shape: to.Shape, layout: to.Layout, copy: cp}
	if ph.A == w.load {
		ph.A = load
	}
	if ph.B == w.load {
		ph.B = load
	}
	x.Params = append(x.Params, to)
	if pk.drop = !loop.ReadsParam(x, w.load.Param) && !w.load.Param.Write; pk.drop {
		x.Params = slices.Delete(x.Params, pk.from, pk.from+1)
	}
	k.made[x] = append(k.made[x], pk)
	k.copies[pk.copy] = true
}

// Rows this long are so far apart that a cache, and the pages whose addresses a
// processor remembers, hold few of those that one tile reads: their beginnings share
// the cache's sets. A copy puts what a tile reads side by side, which pays for
// farResults results that share it in a sum of farSteps steps or more. A sum along
// nothing but the batch may be short, so there only the longest rows count.
const (
	farRow     = 256
	farthest   = 2048
	farResults = 64
	farSteps   = 256
)

// apart returns the operands of a contraction that are consecutive along an axis of
// results, and whose rows, one a step of the sum, are far from each other: x and dy
// in xᵀ·dy where the layer is wide.
func apart(k *loop.Kernel) (list []operand) {
	ph := contraction(k)
	if ph == nil || ph.A.Op != loop.Load || ph.B.Op != loop.Load || len(ph.Axes) == 0 {
		return nil
	}
	for _, x := range []*loop.Expr{ph.A, ph.B} {
		other := ph.A
		if x == other {
			other = ph.B
		}
		n := len(x.Index) - 1
		if x.Guard != nil || x.Param.Layout != nil || n < 1 {
			continue
		}
		i := slices.IndexFunc(k.Space, func(a *loop.Axis) bool { return loop.Consecutive(x.Param, x.Index, a) })
		if i < 0 || loop.Mentions(other, k.Space[i]) {
			continue
		}
		row, _ := x.Param.Shape[n].Int()
		c, plain := loop.Coefficient(x.Index[n-1], ph.Axes[len(ph.Axes)-1])
		if plain && c.Is(1) && row >= far(ph) && sharers(k, x) >= farResults {
			list = append(list, operand{x, k.Space[i]})
		}
	}
	return list
}

// far is the length of rows from which on a sum has them copied.
func far(ph *loop.Phase) int64 {
	n, all := int64(1), true
	for _, a := range ph.Axes {
		c, known := a.Extent.Int()
		n, all = n*max(c, 1), all && known
	}
	switch {
	case all && n < farSteps:
		return math.MaxInt64
	case n >= farSteps/8:
		return farRow
	}
	return farthest
}

// sharers is the number of results that take part of an operand's element, as far as
// it is known.
func sharers(k *loop.Kernel, x *loop.Expr) int64 {
	n := int64(1)
	for _, a := range k.Space {
		if !slices.ContainsFunc(x.Index, func(e *loop.Expr) bool { return loop.Mentions(e, a) }) {
			c, _ := a.Extent.Int()
			n *= max(c, 1)
		}
	}
	return n
}

// walked copies the elements that a load reads, in the order in which the kernel
// walks them.
func (k *packer) walked(x *loop.Kernel, ph *loop.Phase, w operand, to *loop.Param) (load *loop.Expr, cp *loop.Kernel) {
	var axes []*loop.Axis
	for _, a := range slices.Concat(x.Space, ph.Axes) {
		if a != w.lane && !a.Extent.Is(1) && slices.ContainsFunc(w.load.Index, func(e *loop.Expr) bool { return loop.Mentions(e, a) }) {
			axes = append(axes, a)
		}
	}
	axes = append(axes, w.lane)
	var index []*loop.Expr
	b := loop.NewBuilder()
	for _, a := range axes {
		to.Shape = append(to.Shape, a.Extent)
		index = append(index, b.Axis(a))
	}
	to.Layout = panels(to.Shape, len(to.Shape)-1)
	return b.Load(to, index...), k.copyKernel(x, w.load, axes, to)
}

// whole copies a tensor as it is, into panels along the lanes or out of panels.
func (k *packer) whole(x *loop.Kernel, w operand, to *loop.Param) (load *loop.Expr, cp *loop.Kernel) {
	from := w.load.Param
	to.Shape = from.Shape
	if !rowMajor(w.load, w.lane) {
		to.Layout = panels(to.Shape, laneOf(w.load.Index, w.lane))
		// What the sum runs along lies side by side.
		slices.SortStableFunc(to.Layout.Rest, func(x, y int) int {
			return plainness(w.load.Index[x]) - plainness(w.load.Index[y])
		})
	}
	b := loop.NewBuilder()
	var axes []*loop.Axis
	var at []*loop.Expr
	for n, d := range from.Shape {
		a := &loop.Axis{Name: "i" + strconv.Itoa(n), Extent: d}
		axes, at = append(axes, a), append(at, b.Axis(a))
	}
	moved := *w.load
	moved.Param = to
	return &moved, k.copyKernel(x, b.Load(from, at...), axes, to)
}

// plainness is 1 for an axis, 0 for a position that is computed.
func plainness(e *loop.Expr) int {
	if e.Op == loop.AxisVar {
		return 1
	}
	return 0
}

// uneven reports whether an index is more than a sum of axes.
func uneven(x *loop.Kernel, ph *loop.Phase, load *loop.Expr) bool {
	for _, a := range slices.Concat(x.Space, ph.Axes) {
		for _, e := range load.Index {
			if _, ok := loop.Coefficient(e, a); !ok {
				return true
			}
		}
	}
	return false
}

// freshParam returns a name that no variable of a kernel has.
func freshParam(k *loop.Kernel, name string) string {
	taken := map[string]bool{}
	for _, p := range k.Params {
		taken[p.Name] = true
	}
	for _, s := range k.Scalars {
		taken[s.Name] = true
	}
	if !taken[name] {
		return name
	}
	return freeName(taken, name)
}

// tooFewRows reports whether the axes that reuse the operand are known to be short.
func tooFewRows(x *loop.Kernel, w operand) bool {
	rows := int64(1)
	for _, a := range x.Space {
		if slices.ContainsFunc(w.load.Index, func(e *loop.Expr) bool { return loop.Mentions(e, a) }) {
			continue
		}
		n, ok := a.Extent.Int()
		if !ok {
			return false
		}
		rows *= n
	}
	return rows < fewRows
}

// copyKernel makes the kernel that fills the temporary.
func (k *packer) copyKernel(x *loop.Kernel, load *loop.Expr, axes []*loop.Axis, to *loop.Param) *loop.Kernel {
	from := load.Param
	out := &loop.Param{Name: to.Name, DType: to.DType, Shape: to.Shape, Layout: to.Layout, Write: true}
	c := &loop.Kernel{Params: []*loop.Param{from, out}, Space: axes, Origins: slices.Clone(x.Origins)}
	b := loop.NewBuilder()
	var index []*loop.Expr
	for _, a := range axes {
		index = append(index, b.Axis(a))
	}
	c.Phases = []*loop.Phase{{Kind: loop.Map, Stores: []*loop.Store{{Param: out, Index: index, Value: load}}}}
	c = loop.CopyKernel(c)
	c.Params[0].Read, c.Params[0].Write = true, false
	c.Dims = loop.UsedDims(c)
	c.Name = x.Name + "Pack"
	if k.names[c.Name] {
		c.Name = freeName(k.names, c.Name)
	}
	k.names[c.Name] = true
	c.Doc = "a copy whose lanes are consecutive"
	k.p.Kernels = slices.Insert(k.p.Kernels, slices.Index(k.p.Kernels, x), c)
	return c
}

// packSchedule inserts the copies into one function.
type packSchedule struct {
	k    *packer
	f    *loop.Func
	next int // the last buffer number
	// The names of buffers.
	taken map[string]bool
}

// steps returns a body with the copies; those that a loop does not change stand
// before it.
func (s *packSchedule) steps(body []loop.Step) []loop.Step {
	var out []loop.Step
	for _, st := range body {
		switch st := st.(type) {
		case *loop.For:
			inner := s.steps(st.Body)
			var before []loop.Step
			st.Body = slices.DeleteFunc(inner, func(x loop.Step) bool {
				c, ok := x.(*loop.Call)
				if ok && s.k.copies[c.Kernel] && c.Args[0].At == nil && !writes(inner, c.Args[0].Buffer) {
					before = append(before, c)
					return true
				}
				return false
			})
			out = append(append(out, before...), st)
		case *loop.Call:
			for _, pk := range s.k.made[st.Kernel] {
				out = append(out, s.call(st, pk))
			}
			out = append(out, st)
		}
	}
	return out
}

// writes reports whether a call among steps writes a buffer.
func writes(steps []loop.Step, b *loop.Buffer) bool {
	return slices.ContainsFunc(loop.Calls(&loop.Func{Body: steps}), func(c *loop.Call) bool {
		for n, a := range c.Args {
			if a.Buffer == b && c.Kernel.Params[n].Write {
				return true
			}
		}
		return false
	})
}

// packedName is the name of a copy: a stored tensor's goes by the last words of its
// name, as kernels do.
func packedName(from *loop.Buffer) string {
	if from.Var == nil {
		return from.Name + "Packed"
	}
	return lower.StoredName(from.Var.Name) + "Packed"
}

// call makes the copy's call and changes the contraction's.
func (s *packSchedule) call(c *loop.Call, pk *packing) *loop.Call {
	s.next++
	from := c.Args[pk.from]
	sizes := callSizes(c)
	buf := &loop.Buffer{ID: s.next, Name: s.freshName(packedName(from.Buffer)), Kind: loop.Temp, DType: pk.to.DType, Layout: pk.layout, Origin: c.Origin, Slot: -1}
	for _, d := range pk.shape {
		buf.Shape = append(buf.Shape, d.Subst(sizes))
	}
	s.f.Buffers = append(s.f.Buffers, buf)
	out := &loop.Call{Kernel: pk.copy, Args: []loop.Arg{from, {Buffer: buf}}, Origin: c.Origin, Metric: c.Metric, AfterLoss: c.AfterLoss}
	for _, d := range pk.copy.Dims {
		out.Dims = append(out.Dims, sizes[d])
	}
	c.Args = append(c.Args, loop.Arg{Buffer: buf})
	if pk.drop {
		c.Args = slices.Delete(c.Args, pk.from, pk.from+1)
	}
	return out
}

func (s *packSchedule) freshName(name string) string {
	if !s.taken[name] {
		s.taken[name] = true
		return name
	}
	return freeName(s.taken, name)
}

// orderBuffers lists a function's buffers in order of first use and numbers them.
func orderBuffers(f *loop.Func) []*loop.Buffer {
	seen := map[*loop.Buffer]bool{}
	for n, b := range f.Inputs {
		seen[b] = true
		b.ID = n + 1
	}
	var out []*loop.Buffer
	use := func(b *loop.Buffer) {
		if !seen[b] {
			seen[b] = true
			out = append(out, b)
			b.ID = len(f.Inputs) + len(out)
		}
	}
	for _, c := range loop.Calls(f) {
		for _, a := range c.Args {
			use(a.Buffer)
		}
	}
	for _, o := range f.Outputs {
		use(o.Buffer)
	}
	return out
}

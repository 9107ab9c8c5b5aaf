package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/loop"
)

// absorb lets a map do what copies beside it do: a scan keeps what it carries, and
// carries what it yields, by copies of tensors that the map of its body reads or
// makes anyway. The copy becomes one more store of the map.
func absorb(p *loop.Program) error {
	a := &absorber{names: map[string]bool{}, byText: map[string]*loop.Kernel{}, from: map[*loop.Kernel][]*loop.Kernel{}}
	for _, k := range p.Kernels {
		a.names[k.Name] = true
	}
	eachFunc(p, func(f *loop.Func) {
		a.loops(f.Body)
		f.Buffers = orderBuffers(f)
	})
	a.finish(p)
	return nil
}

// absorber makes the kernels that copies became part of. Equal ones are shared.
type absorber struct {
	names  map[string]bool
	byText map[string]*loop.Kernel
	from   map[*loop.Kernel][]*loop.Kernel // what was made of a kernel
}

// loops absorbs copies within the loops among some steps. Outside of them a copy is
// made once, and kernels are better shared.
func (a *absorber) loops(list []loop.Step) {
	for _, st := range list {
		l, ok := st.(*loop.For)
		if !ok {
			continue
		}
		a.loops(l.Body)
		for i := 0; i < len(l.Body); i++ {
			if c, ok := l.Body[i].(*loop.Call); ok && isCopy(c.Kernel) && a.host(l.Body, i) {
				l.Body = slices.Delete(l.Body, i, i+1)
				i = -1
			}
		}
	}
}

// isCopy reports whether a kernel copies a tensor, element by element.
func isCopy(k *loop.Kernel) bool {
	if len(k.Phases) != 1 || len(k.Params) != 2 || !plainMap(k) || len(k.Phases[0].Stores) != 1 {
		return false
	}
	s := k.Phases[0].Stores[0]
	v := s.Value
	return s.If == nil && v.Op == loop.Load && v.Guard == nil && v.Param != s.Param && pointwise(k, v.Param, v.Index) && pointwise(k, s.Param, s.Index)
}

// plainMap reports whether a kernel is one map of its space.
func plainMap(k *loop.Kernel) bool {
	return len(k.Phases) == 1 && k.Phases[0].Kind == loop.Map && len(k.Phases[0].Axes) == 0
}

// pointwise reports whether an access is to the element of the point itself.
func pointwise(k *loop.Kernel, p *loop.Param, index []*loop.Expr) bool {
	if p.Layout != nil || len(index) != len(k.Space) {
		return false
	}
	for d, e := range index {
		a := k.Space[d]
		own := e.Op == loop.AxisVar && e.Axis == a || a.Extent.Is(1) && e.Op == loop.Const
		if !own || !p.Shape[d].Equal(a.Extent) {
			return false
		}
	}
	return true
}

// host reports whether a map among the steps can do what the copy at place i does, and
// has it do so.
func (a *absorber) host(list []loop.Step, i int) bool {
	c := list[i].(*loop.Call)
	for _, way := range []int{-1, 1} {
		var between []loop.Step
		for j := i + way; j >= 0 && j < len(list); j += way {
			k, ok := list[j].(*loop.Call)
			if ok && a.takes(k, c, way < 0) {
				return true
			}
			between = append(between, list[j])
			if conflict(between, c) {
				break
			}
		}
	}
	return false
}

// takes lets the map of a call do what a copy before or after it does, if it can.
func (a *absorber) takes(k, c *loop.Call, after bool) bool {
	if k.AfterLoss != c.AfterLoss || k.Metric != c.Metric || !plainMap(k.Kernel) || isCopy(k.Kernel) {
		return false
	}
	copied := c.Kernel.Phases[0].Stores[0]
	from, to := argOf(c, copied.Value.Param), argOf(c, copied.Param)
	sizes, own := callSizes(c), callSizes(k)
	if !slices.EqualFunc(k.Kernel.Space, c.Kernel.Space, func(x, y *loop.Axis) bool { return x.Extent.Subst(own).Equal(y.Extent.Subst(sizes)) }) {
		return false
	}
	var source, target *loop.Param // that the map has already
	for n, arg := range k.Args {
		p := k.Kernel.Params[n]
		switch {
		case arg.Buffer == from.Buffer && sameIndex(arg.At, from.At) && ownPoints(k.Kernel, p):
			source = p
		case arg.Buffer == to.Buffer && sameIndex(arg.At, to.At) && ownPoints(k.Kernel, p) && after && !p.Write:
			target = p
		case arg.Buffer == from.Buffer || arg.Buffer == to.Buffer:
			return false
		}
	}
	a.add(k, c, source, target, after)
	return true
}

func argOf(c *loop.Call, p *loop.Param) loop.Arg {
	return c.Args[slices.Index(c.Kernel.Params, p)]
}

func sameIndex(a, b *loop.Index) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// ownPoints reports whether each point touches its own element of a parameter alone.
func ownPoints(k *loop.Kernel, p *loop.Param) bool {
	own := true
	eachExpr(k, func(e *loop.Expr) {
		own = own && (e.Op != loop.Load || e.Param != p || pointwise(k, p, e.Index))
	})
	for _, s := range stores(k) {
		own = own && (s.Param != p || s.If == nil && pointwise(k, p, s.Index))
	}
	return own
}

// add gives the kernel of a call one more store: of what the copy's source is at the
// point, or becomes there if the copy comes after. source and target are the
// parameters for them that the kernel has, nil for none.
func (a *absorber) add(call, c *loop.Call, source, target *loop.Param, after bool) {
	k := loop.CopyKernel(call.Kernel)
	args := slices.Clone(call.Args)
	index := pointOf(k)
	copied := c.Kernel.Phases[0].Stores[0]
	param := func(own, of *loop.Param) *loop.Param {
		if own != nil {
			return k.Params[slices.Index(call.Kernel.Params, own)]
		}
		arg := argOf(c, of)
		p := &loop.Param{Name: freshParam(k, arg.Buffer.Name), DType: of.DType, Shape: extents(k.Space)}
		k.Params, args = append(k.Params, p), append(args, arg)
		return p
	}
	in := param(source, copied.Value.Param)
	var value *loop.Expr
	for _, s := range k.Phases[0].Stores {
		if after && s.Param == in {
			value = s.Value
		}
	}
	if value == nil {
		value = elementOf(k, in, index)
		in.Read = true
	}
	out := param(target, copied.Param)
	out.Write = true
	k.Phases[0].Stores = append(k.Phases[0].Stores, &loop.Store{Param: out, Index: index, Value: value})
	k.Dims = loop.UsedDims(k)
	sizes := callSizes(call)
	call.Dims = nil
	for _, d := range k.Dims {
		call.Dims = append(call.Dims, sizes[d])
	}
	call.Args = args
	call.Kernel = a.share(call.Kernel, k)
}

// pointOf returns the index of a point's own element, from a store that has it or anew.
func pointOf(k *loop.Kernel) (index []*loop.Expr) {
	for _, s := range stores(k) {
		if pointwise(k, s.Param, s.Index) {
			return s.Index
		}
	}
	b := loop.NewBuilder()
	for _, x := range k.Space {
		index = append(index, b.Axis(x))
	}
	return index
}

// elementOf returns the load of a point's own element, the one that the kernel has or
// another.
func elementOf(k *loop.Kernel, p *loop.Param, index []*loop.Expr) (load *loop.Expr) {
	eachExpr(k, func(e *loop.Expr) {
		if load == nil && e.Op == loop.Load && e.Param == p && e.Guard == nil {
			load = e
		}
	})
	if load == nil {
		load = loop.NewBuilder().Load(p, index...)
	}
	return load
}

// share returns an equal kernel made before, or k. Until finish it keeps the name of
// the one that it was made of.
func (a *absorber) share(old, k *loop.Kernel) *loop.Kernel {
	text := loop.NeutralCopy(k).String()
	if same := a.byText[text]; same != nil {
		return same
	}
	a.byText[text] = k
	a.from[old] = append(a.from[old], k)
	return k
}

// finish puts the new kernels into the program, each behind what it was made of, and
// drops those that no call uses any more.
func (a *absorber) finish(p *loop.Program) {
	used := usedKernels(p)
	var kernels []*loop.Kernel
	var put func(k *loop.Kernel, free bool) bool
	put = func(k *loop.Kernel, free bool) bool {
		if used[k] {
			if !free {
				k.Name = freeName(a.names, k.Name)
			}
			free = false
			kernels = append(kernels, k)
		}
		for _, made := range a.from[k] {
			free = put(made, free)
		}
		return free
	}
	for _, k := range p.Kernels {
		if used[k] || len(a.from[k]) > 0 {
			put(k, true)
		} else if !isCopy(k) {
			kernels = append(kernels, k)
		}
	}
	p.Kernels = kernels
}

package pass

import (
	"fmt"
	"math"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// skip leaves out what a tile of rows does not see: in causal attention the keys
// behind its last row, whose scores are -Inf and whose weights are 0. Maxima and
// sums over them stay the same. It drops products of a zero and a value, which
// are zeros when the value is finite, so results may differ from those of the
// formula where a hidden value is not finite, and in the sign of a zero.
func skip(p *loop.Program) error {
	s := &skipper{made: map[string]*loop.Kernel{}, names: map[string]bool{}}
	for _, k := range p.Kernels {
		s.names[k.Name] = true
	}
	var kernels []*loop.Kernel
	for _, k := range p.Kernels {
		if k.Tiles != nil {
			kernels = append(kernels, s.kernel(k)...)
		}
		kernels = append(kernels, k)
	}
	p.Kernels = kernels
	s.dropUnused(p)
	return nil
}

type skipper struct {
	made  map[string]*loop.Kernel // by part and axes
	from  [][2]*loop.Kernel       // parts with what was made of them
	names map[string]bool
}

// hidden is what is known of a value behind the rows of a tile.
type hidden uint8

const (
	unknown hidden = iota
	zero           // of either sign
	negInf
	no
	yes
)

// sight is the state of looking at the parts of one kernel.
type sight struct {
	tiles  *loop.Tiles
	behind map[*loop.Param]hidden // locals of the kernel that end with the tile: what would lie behind it
}

// kernel lets the parts of k end with the tile, when all of them can, and returns
// the new kernels.
func (s *skipper) kernel(k *loop.Kernel) []*loop.Kernel {
	g := &sight{tiles: k.Tiles, behind: map[*loop.Param]hidden{}}
	ends := make([][]*loop.Axis, len(k.Parts))
	for n, p := range k.Parts {
		v := newView(g, k, p)
		for _, a := range v.columns() {
			if !v.ends(a) {
				return nil
			}
			ends[n] = append(ends[n], a)
		}
		if !v.sound(ends[n]) {
			return nil
		}
	}
	if len(g.behind) == 0 {
		return nil
	}
	var fresh []*loop.Kernel
	for n, p := range k.Parts {
		if len(ends[n]) == 0 {
			continue
		}
		if x, isNew := s.shortened(p.Kernel, ends[n]); isNew {
			fresh = append(fresh, x)
		}
		s.replace(p, ends[n], k.Tiles)
	}
	return fresh
}

// view is one part's kernel as seen from the kernel around it.
type view struct {
	*sight
	part   *loop.Part
	k      *loop.Kernel
	outer  map[*loop.Param]*loop.Param // the arguments for its parameters
	local  map[*loop.Param]bool
	sizes  map[string]dim.Dim
	row    *loop.Axis // the axis of the tile's rows
	first  string     // the counter that is the first of them
	column *loop.Axis // the axis whose positions behind the tile are looked at
}

func newView(g *sight, k *loop.Kernel, p *loop.Part) *view {
	v := &view{sight: g, part: p, k: p.Kernel, outer: map[*loop.Param]*loop.Param{}, local: map[*loop.Param]bool{}, sizes: map[string]dim.Dim{}}
	for n, d := range p.Kernel.Dims {
		v.sizes[d] = p.Dims[n]
	}
	for n, q := range p.Kernel.Params {
		v.outer[q] = p.Args[n]
		v.local[q] = slices.Contains(k.Locals, p.Args[n])
	}
	for n, a := range p.Counters {
		if a == g.tiles.Axis {
			v.first = p.Kernel.Counters[n]
		}
	}
	for _, a := range v.axes() {
		if a.Extent.Subst(v.sizes).Equal(dim.Sym(g.tiles.Rows)) {
			v.row = a
		}
	}
	return v
}

// axes lists the kernel's axes.
func (v *view) axes() []*loop.Axis {
	all := slices.Clone(v.k.Space)
	for _, ph := range v.k.Phases {
		all = append(all, ph.Axes...)
	}
	return all
}

// columns lists the axes that are as long as the axis which the tiles cut, and
// along which a local lies.
func (v *view) columns() []*loop.Axis {
	var list []*loop.Axis
	for _, a := range v.axes() {
		if a == v.row || slices.Contains(list, a) || !a.Extent.Subst(v.sizes).Equal(v.tiles.Axis.Extent) {
			continue
		}
		if v.touches(func(p *loop.Param, index []*loop.Expr) bool { return v.local[p] && isAxis(index[len(index)-1], a) }) {
			list = append(list, a)
		}
	}
	return list
}

// touches reports whether some access is as wanted.
func (v *view) touches(want func(p *loop.Param, index []*loop.Expr) bool) bool {
	found := false
	for _, p := range v.k.Params {
		if len(p.Shape) > 0 {
			eachAccess(v.k, p, func(index []*loop.Expr) { found = found || want(p, index) })
		}
	}
	return found
}

// sound requires that locals which end with the tile are only met along axes that
// do.
func (v *view) sound(ends []*loop.Axis) bool {
	return !v.touches(func(p *loop.Param, index []*loop.Expr) bool {
		if _, ended := v.behind[v.outer[p]]; !ended {
			return false
		}
		return !slices.ContainsFunc(ends, func(a *loop.Axis) bool { return isAxis(index[len(index)-1], a) })
	})
}

func isAxis(e *loop.Expr, a *loop.Axis) bool { return e.Op == loop.AxisVar && e.Axis == a }

// ends reports whether an axis may end with the tile: the positions behind it add
// nothing to sums and maxima, and what is stored there is known.
func (v *view) ends(a *loop.Axis) bool {
	v.column = a
	inSpace := slices.Contains(v.k.Space, a)
	if v.goesOn() {
		ph := v.k.Phases[0]
		return v.value(ph.A) == zero || v.value(ph.B) == zero
	}
	for _, ph := range v.k.Phases {
		if !inSpace && !slices.Contains(ph.Axes, a) {
			continue
		}
		switch {
		case ph.Kind == loop.Contract && inSpace:
		case ph.Kind == loop.Contract:
			if v.value(ph.A) != zero && v.value(ph.B) != zero {
				return false
			}
		case ph.Kind == loop.Reduce && !inSpace:
			for _, r := range ph.Reducers {
				h := v.value(r.Value)
				if r.Op != loop.Sum && r.Op != loop.MaxOf || r.Op == loop.Sum && h != zero || r.Op == loop.MaxOf && h != negInf {
					return false
				}
			}
		case ph.Kind == loop.Map:
			if !v.stores(ph, a) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// goesOn reports whether the kernel only continues the sums of a local, which no
// product that is a zero changes.
func (v *view) goesOn() bool {
	if len(v.k.Phases) != 2 || v.k.Phases[0].Init == nil || len(v.k.Phases[1].Stores) != 1 {
		return false
	}
	from, to := v.k.Phases[0].Init, v.k.Phases[1].Stores[0]
	return from.Op == loop.Load && from.Param == to.Param && slices.Equal(from.Index, to.Index) &&
		to.Value.Op == loop.ResultOf && to.Value.Result == v.k.Phases[0].Acc
}

// stores notes what a map phase would store behind the tile; false when that is
// not in a local.
func (v *view) stores(ph *loop.Phase, a *loop.Axis) bool {
	for _, s := range ph.Stores {
		if !v.local[s.Param] || s.If != nil || !isAxis(s.Index[len(s.Index)-1], a) {
			return false
		}
		v.behind[v.outer[s.Param]] = v.value(s.Value)
	}
	return true
}

// value is what is known of e where the column lies behind the tile.
func (v *view) value(e *loop.Expr) hidden {
	switch e.Op {
	case loop.Const:
		return constHidden(e)
	case loop.Load:
		if e.Guard != nil && v.value(e.Guard) == no {
			return v.value(e.Args[0])
		}
		if e.Guard == nil && v.local[e.Param] && len(e.Index) > 0 && isAxis(e.Index[len(e.Index)-1], v.column) {
			return v.behind[v.outer[e.Param]]
		}
		return unknown
	case loop.Le, loop.Lt:
		return v.compare(e.Args[0], e.Args[1])
	case loop.CallFn:
		if e.Fn.Name == "exp" && v.value(e.Args[0]) == negInf {
			return zero
		}
		return unknown
	}
	h := make([]hidden, len(e.Args))
	for n, a := range e.Args {
		h[n] = v.value(a)
	}
	return combined(e, h)
}

func constHidden(e *loop.Expr) hidden {
	switch {
	case e.Type == dim.Bool && e.Bits == 0:
		return no
	case e.Type == dim.Bool:
		return yes
	case e.Type == dim.Float32 && uint32(e.Bits)<<1 == 0:
		return zero
	case e.Type == dim.Float32 && uint32(e.Bits) == math.Float32bits(float32(math.Inf(-1))):
		return negInf
	case e.Type == dim.BFloat16 && uint16(e.Bits)<<1 == 0:
		return zero
	case e.Type == dim.BFloat16 && uint16(e.Bits) == 0xff80:
		return negInf
	}
	return unknown
}

// combined is what is known of an operation from what is known of its operands,
// the others being finite.
func combined(e *loop.Expr, h []hidden) hidden {
	switch e.Op {
	case loop.Select:
		switch {
		case h[0] == yes || h[1] == h[2]:
			return h[1]
		case h[0] == no:
			return h[2]
		}
	case loop.And:
		if slices.Contains(h, no) {
			return no
		}
	case loop.Or:
		if slices.Contains(h, yes) {
			return yes
		}
	case loop.Not:
		return map[hidden]hidden{yes: no, no: yes}[h[0]]
	case loop.Add:
		switch {
		case slices.Contains(h, negInf):
			return negInf
		case h[0] == zero && h[1] == zero:
			return zero
		}
	case loop.Sub:
		if h[0] == negInf && h[1] != negInf {
			return negInf
		}
	case loop.Mul:
		if slices.Contains(h, zero) && !slices.Contains(h, negInf) {
			return zero
		}
		for n, a := range e.Args {
			if h[1-n] == negInf && a.Op == loop.Const && a.Type == dim.Float32 && math.Float32frombits(uint32(a.Bits)) > 0 {
				return negInf
			}
		}
	case loop.Div:
		if h[0] == zero && h[1] == unknown {
			return zero
		}
	case loop.Neg:
		if h[0] == zero {
			return zero
		}
	case loop.Cast:
		if e.Type.IsFloat() {
			return h[0]
		}
	}
	return unknown
}

// compare decides x <= y and x < y between the column and the row of the tile:
// behind the tile the column is the larger.
func (v *view) compare(x, y *loop.Expr) hidden {
	switch {
	case v.isColumn(x) && v.isRow(y):
		return no
	case v.isRow(x) && v.isColumn(y):
		return yes
	}
	return unknown
}

func (v *view) isColumn(e *loop.Expr) bool {
	for e.Op == loop.Cast {
		e = e.Args[0]
	}
	return isAxis(e, v.column)
}

func (v *view) isRow(e *loop.Expr) bool {
	for e.Op == loop.Cast {
		e = e.Args[0]
	}
	if e.Op != loop.Add || v.first == "" {
		return false
	}
	x, y := e.Args[0], e.Args[1]
	if x.Op != loop.Counter {
		x, y = y, x
	}
	return x.Op == loop.Counter && x.Name == v.first && isAxis(y, v.row)
}

// shortened returns the kernel whose given axes end with a size of their own.
func (s *skipper) shortened(k *loop.Kernel, axes []*loop.Axis) (x *loop.Kernel, isNew bool) {
	key := shortKey(k, axes)
	if old := s.made[key]; old != nil {
		return old, false
	}
	old := make([]dim.Dim, len(axes))
	for n, a := range axes {
		old[n] = a.Extent
		a.Extent = dim.Sym(freshSize(k, "end"))
	}
	x = loop.CopyKernel(k)
	for n, a := range axes {
		a.Extent = old[n]
	}
	x.Dims = loop.UsedDims(x)
	x.Name = freeName(s.names, k.Name)
	s.made[key] = x
	s.from = append(s.from, [2]*loop.Kernel{k, x})
	return x, true
}

func shortKey(k *loop.Kernel, axes []*loop.Axis) string { return fmt.Sprintf("%p %v", k, axes) }

// replace lets a part run the kernel that ends with the tile.
func (s *skipper) replace(p *loop.Part, axes []*loop.Axis, t *loop.Tiles) {
	sizes := map[string]dim.Dim{freshSize(p.Kernel, "end"): dim.Sym(t.End)}
	for n, d := range p.Kernel.Dims {
		sizes[d] = p.Dims[n]
	}
	p.Kernel = s.made[shortKey(p.Kernel, axes)]
	p.Dims = nil
	for _, d := range p.Kernel.Dims {
		p.Dims = append(p.Dims, sizes[d])
	}
}

// dropUnused drops the kernels that nothing runs any more; what was made of one
// takes its name.
func (s *skipper) dropUnused(p *loop.Program) {
	used := usedKernels(p)
	for _, pair := range s.from {
		if old, made := pair[0], pair[1]; !used[old] && old.Name != "" {
			old.Name, made.Name = "", old.Name
		}
	}
	p.Kernels = slices.DeleteFunc(p.Kernels, func(k *loop.Kernel) bool { return !used[k] })
	for _, k := range p.Kernels {
		if k.Tiles != nil {
			k.Doc = describeParts(k)
		}
	}
}

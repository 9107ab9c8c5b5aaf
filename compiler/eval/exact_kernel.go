package eval

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelRun is one call of a kernel. Values of expressions are remembered until
// an axis moves: stamp tells whether a value is of the present point.
type kernelRun struct {
	kernel   *loop.Kernel
	dims     map[string]int64
	mem      map[*loop.Param]*memory
	args     map[*loop.ScalarParam]uint64
	counters map[string]int64

	axes     map[*loop.Axis]int64
	results  map[*loop.Result]uint64
	next     map[*loop.Carry]uint64
	values   map[*loop.Expr]*stamped
	expanded map[*loop.Expr]*loop.Expr // bodies of calls
	expander *loop.Expander
	epoch    int64
	err      error
}

type stamped struct {
	epoch int64
	bits  uint64
}

func (r *kernelRun) run() error {
	r.axes = map[*loop.Axis]int64{}
	r.results = map[*loop.Result]uint64{}
	r.next = map[*loop.Carry]uint64{}
	r.values = map[*loop.Expr]*stamped{}
	r.expanded, r.expander = map[*loop.Expr]*loop.Expr{}, loop.NewExpander()
	r.each(r.kernel.Space, func() {
		if len(r.kernel.Parts) > 0 {
			r.tiles()
		}
		for _, ph := range r.kernel.Phases {
			if r.err == nil {
				r.phase(ph)
			}
		}
	})
	return r.err
}

// each calls body at every point of axes, the last one fastest.
func (r *kernelRun) each(axes []*loop.Axis, body func()) {
	if r.err != nil {
		return
	}
	if len(axes) == 0 {
		r.epoch++
		body()
		return
	}
	n, err := axes[0].Extent.Eval(r.dims)
	if err != nil {
		r.err = err
		return
	}
	for i := range n {
		r.axes[axes[0]] = i
		r.each(axes[1:], body)
	}
}

func (r *kernelRun) phase(ph *loop.Phase) {
	switch ph.Kind {
	case loop.Map:
		r.each(ph.Axes, func() { r.stores(ph.Stores, nil) })
	case loop.Reduce:
		r.reduce(ph)
	case loop.Contract:
		r.contract(ph)
	case loop.Sequence:
		r.sequence(ph)
	case loop.ScatterAdd:
		r.each(ph.Axes, func() {
			r.stores(ph.Stores, func(old, v uint64, t dim.DType) uint64 { return binary(loop.Add, t, old, v) })
		})
	case loop.Sort:
		r.sort(ph)
	default:
		r.err = fmt.Errorf("phase kind %d", ph.Kind)
	}
	r.epoch++
}

// stores evaluates every store at the present point, then writes: a store may
// read what another one overwrites.
func (r *kernelRun) stores(stores []*loop.Store, combine func(old, v uint64, t dim.DType) uint64) {
	type write struct {
		m    *memory
		at   int64
		bits uint64
		t    dim.DType
	}
	var writes []write
	for _, s := range stores {
		if s.If != nil && r.value(s.If) == 0 {
			continue
		}
		m := r.mem[s.Param]
		at, ok := r.position(s.Param, s.Index)
		if !ok {
			return
		}
		writes = append(writes, write{m, at, r.value(s.Value), s.Param.DType})
	}
	for _, w := range writes {
		if combine != nil {
			w.bits = combine(w.m.data[w.at], w.bits, w.t)
		}
		w.m.data[w.at] = w.bits
	}
}

func (r *kernelRun) position(p *loop.Param, index []*loop.Expr) (int64, bool) {
	m := r.mem[p]
	if len(index) != len(m.shape) {
		r.err = fmt.Errorf("parameter %s of rank %d indexed by %d expressions", p.Name, len(m.shape), len(index))
		return 0, false
	}
	var few [8]int64
	idx := few[:0]
	for _, e := range index {
		idx = append(idx, int64(r.value(e)))
	}
	at, err := m.address(idx)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("parameter %s: %w", p.Name, err)
	}
	if r.err == nil && at >= int64(len(m.data)) {
		r.err = fmt.Errorf("parameter %s: element %d of %d", p.Name, at, len(m.data))
	}
	return at, r.err == nil
}

const (
	contractBlock = 1024
	laneChunk     = 1024
	lanes         = 32
	serialBlock   = 256
)

func (r *kernelRun) contract(ph *loop.Phase) {
	t := ph.Acc.Type
	var total, acc uint64
	n := 0
	if ph.Init != nil {
		acc = r.value(ph.Init)
		total = acc
	}
	flush := func() {
		if n <= contractBlock || ph.Init != nil {
			total = acc
		} else {
			total = binary(loop.Add, t, total, acc)
		}
	}
	r.each(ph.Axes, func() {
		if n > 0 && n%contractBlock == 0 && ph.Init == nil {
			flush()
			acc = 0
		}
		acc = fma(t, r.value(ph.A), r.value(ph.B), acc)
		n++
	})
	if n > 0 {
		flush()
	}
	r.results[ph.Acc] = total
}

// partial is a reduction's running state: the value and, for arg-reductions, its index.
type partial struct {
	bits  uint64
	index int64 // -1: no element yet
}

func (r *kernelRun) reduce(ph *loop.Phase) {
	columns := make([][]uint64, len(ph.Reducers))
	r.each(ph.Axes, func() {
		for i, red := range ph.Reducers {
			columns[i] = append(columns[i], r.value(red.Value))
		}
	})
	for i, red := range ph.Reducers {
		t := red.Value.Type
		var p partial
		if ph.Order == loop.Lanes {
			p = reduceLanes(red.Op, t, columns[i])
		} else {
			p = reduceSerial(red.Op, t, columns[i])
		}
		r.results[red.Result] = p.bits
		if red.Op == loop.ArgMaxOf || red.Op == loop.ArgMinOf {
			r.results[red.Result] = uint64(max(p.index, 0))
		}
	}
}

func reduceLanes(op loop.Combiner, t dim.DType, col []uint64) partial {
	total := identity(op, t)
	for base := 0; base < len(col); base += laneChunk {
		chunk := col[base:min(base+laneChunk, len(col))]
		var l [lanes]partial
		for i := range l {
			l[i] = identity(op, t)
		}
		for i, v := range chunk {
			l[i%lanes] = combine(op, t, l[i%lanes], partial{v, int64(base + i)})
		}
		for w := lanes / 2; w > 0; w /= 2 {
			for i := range w {
				l[i] = combine(op, t, l[i], l[i+w])
			}
		}
		if base == 0 {
			total = l[0]
		} else {
			total = combine(op, t, total, l[0])
		}
	}
	return total
}

func reduceSerial(op loop.Combiner, t dim.DType, col []uint64) partial {
	total := identity(op, t)
	for base := 0; base < len(col); base += serialBlock {
		block := identity(op, t)
		for i, v := range col[base:min(base+serialBlock, len(col))] {
			block = combine(op, t, block, partial{v, int64(base + i)})
		}
		if base == 0 {
			total = block
		} else {
			total = combine(op, t, total, block)
		}
	}
	return total
}

func (r *kernelRun) sequence(ph *loop.Phase) {
	for _, c := range ph.Carries {
		r.results[c.Current] = r.value(c.Init)
	}
	r.each(ph.Axes, func() {
		next := make([]uint64, len(ph.Carries))
		for i, c := range ph.Carries {
			next[i] = r.value(c.Next)
		}
		for i, c := range ph.Carries {
			r.next[c] = next[i]
		}
		r.stores(ph.Stores, nil)
		for i, c := range ph.Carries {
			r.results[c.Current] = next[i]
		}
	})
}

func (r *kernelRun) sort(ph *loop.Phase) {
	s := ph.Sort
	t := s.Value.Type
	var items []partial
	r.each(ph.Axes, func() { items = append(items, partial{r.value(s.Value), r.axes[ph.Axes[0]]}) })
	slices.SortStableFunc(items, func(a, b partial) int {
		an, bn := isNaN(t, a.bits), isNaN(t, b.bits)
		switch {
		case an || bn:
			return int(btoi(an)) - int(btoi(bn))
		case binary(loop.Lt, t, a.bits, b.bits) != 0:
			return sign(s.Descending)
		case binary(loop.Lt, t, b.bits, a.bits) != 0:
			return -sign(s.Descending)
		}
		return 0
	})
	keep, err := s.Keep.Eval(r.dims)
	if err != nil {
		r.err = err
		return
	}
	for i := range keep {
		r.axes[ph.Axes[0]] = i
		r.epoch++
		for _, out := range []struct {
			to   *loop.Store
			bits uint64
		}{{s.Values, items[i].bits}, {s.Positions, uint64(items[i].index)}} {
			if out.to == nil {
				continue
			}
			at, ok := r.position(out.to.Param, out.to.Index)
			if !ok {
				return
			}
			r.mem[out.to.Param].data[at] = out.bits
		}
	}
}

// sign is the result of comparing a smaller with a larger value.
func sign(descending bool) int {
	if descending {
		return 1
	}
	return -1
}

package pass

import (
	"math"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// fewSums is how many kernels with sums that differ in sizes alone stay kernels of
// their own.
const fewSums = 2

// panelUnit is what sizes are counted in where all are multiples of it, so that lanes
// still find whole panels.
const panelUnit = 32

// generalize lets kernels that are equal up to constants be one kernel, which takes
// the constants as sizes and scalars. Assembly gains much by constants in
// contractions, and in sums over panels, which keep theirs; what else a model has at
// many sizes is bound by memory.
func generalize(p *loop.Program) error {
	g := &generalizer{calls: map[*loop.Kernel][]*loop.Call{}, parts: map[*loop.Kernel]bool{}, of: map[*loop.Call]*loop.Func{}, scalars: map[*loop.Func][]*loop.Scalar{}}
	for _, f := range p.Funcs {
		g.note(f)
	}
	for _, k := range p.Kernels {
		for _, part := range k.Parts {
			g.parts[part.Kernel] = true
		}
	}
	groups := map[string][]*loop.Kernel{}
	constants := map[*loop.Kernel][]loop.Number{}
	var order []string
	for _, k := range p.Kernels {
		if !g.may(k) {
			continue
		}
		spelling, numbers := loop.Spell(k)
		constants[k] = numbers
		if groups[spelling] == nil {
			order = append(order, spelling)
		}
		groups[spelling] = append(groups[spelling], k)
	}
	replaced := map[*loop.Kernel]*loop.Kernel{}
	for _, spelling := range order {
		alike := groups[spelling]
		few := 1
		if slices.ContainsFunc(alike, func(k *loop.Kernel) bool { return !g.once(k) && !maps(k) }) {
			few = fewSums
		}
		if len(alike) > few {
			general := g.merge(alike, constants)
			for _, k := range alike {
				replaced[k] = general
			}
		}
	}
	var kernels []*loop.Kernel
	for _, k := range p.Kernels {
		if general := replaced[k]; general != nil {
			k = general
		}
		if !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	p.Kernels = kernels
	g.finish(p)
	return nil
}

type generalizer struct {
	calls   map[*loop.Kernel][]*loop.Call
	of      map[*loop.Call]*loop.Func
	parts   map[*loop.Kernel]bool
	scalars map[*loop.Func][]*loop.Scalar // added
}

// note finds the calls of a function and of those that finish its metrics.
func (g *generalizer) note(f *loop.Func) {
	for _, c := range loop.Calls(f) {
		g.calls[c.Kernel] = append(g.calls[c.Kernel], c)
		g.of[c] = f
	}
	for _, m := range f.Metrics {
		if m.Finish != nil {
			g.note(m.Finish)
		}
	}
}

// may reports whether a kernel may lose its constants.
func (g *generalizer) may(k *loop.Kernel) bool {
	if len(k.Parts) > 0 || g.parts[k] {
		return false
	}
	return maps(k) || !slices.ContainsFunc(k.Phases, func(ph *loop.Phase) bool {
		return ph.Kind != loop.Map && ph.Kind != loop.Reduce
	}) && !slices.ContainsFunc(k.Params, func(q *loop.Param) bool { return q.Layout != nil })
}

// once reports whether only initial values need a kernel.
func (g *generalizer) once(k *loop.Kernel) bool {
	return !slices.ContainsFunc(g.calls[k], func(c *loop.Call) bool { return g.of[c].Kind != "init" })
}

// maps reports whether a kernel sums up nothing.
func maps(k *loop.Kernel) bool {
	return !slices.ContainsFunc(k.Phases, func(ph *loop.Phase) bool { return ph.Kind != loop.Map })
}

// merge makes one kernel of several.
func (g *generalizer) merge(alike []*loop.Kernel, constants map[*loop.Kernel][]loop.Number) *loop.Kernel {
	first := alike[0]
	v := &loop.Varying{Taken: map[string]bool{}, Unit: panelUnit}
	for _, d := range first.Dims {
		v.Taken[d] = true
	}
	for _, s := range first.Scalars {
		v.Taken[s.Name] = true
	}
	for _, q := range first.Params {
		v.Taken[q.Name] = true
	}
	var numbers [][]loop.Number
	for _, k := range alike {
		numbers = append(numbers, constants[k])
	}
	general := loop.Generalize(first, numbers, v)
	general.Dims, general.Scalars, general.Origins = slices.Clone(first.Dims), slices.Clone(first.Scalars), nil
	for _, s := range v.List {
		if s.DType == dim.Int64 {
			general.Dims = append(general.Dims, s.Name)
		} else {
			general.Scalars = append(general.Scalars, s.ScalarParam)
		}
	}
	for i, k := range alike {
		for _, o := range k.Origins {
			if !slices.Contains(general.Origins, o) {
				general.Origins = append(general.Origins, o)
			}
		}
		for _, c := range g.calls[k] {
			c.Kernel = general
			for _, s := range v.List {
				if s.DType == dim.Int64 {
					c.Dims = append(c.Dims, dim.Const(int64(s.Values[i])))
				} else {
					c.Scalars = append(c.Scalars, g.scalar(g.of[c], s.DType, s.Values[i]))
				}
			}
		}
	}
	return general
}

// scalar is a constant host scalar of a function.
func (g *generalizer) scalar(f *loop.Func, t dim.DType, bits uint64) *loop.Scalar {
	v := float64(uint32(bits))
	if t == dim.Float32 {
		v = float64(math.Float32frombits(uint32(bits)))
	}
	for _, s := range g.scalars[f] {
		if s.DType == t && s.Expr.Value == v {
			return s
		}
	}
	s := &loop.Scalar{Name: "factor", DType: t, Expr: scalar.Num(v)}
	g.scalars[f] = append(g.scalars[f], s)
	return s
}

// finish lists the scalars that were added, and lets calls point into the lists.
func (g *generalizer) finish(p *loop.Program) {
	for f, added := range g.scalars { // a set
		at := map[*loop.Scalar]int{}
		for i := range f.Scalars {
			at[&f.Scalars[i]] = i
		}
		all := slices.Clone(f.Scalars)
		taken := map[string]bool{}
		for _, s := range all {
			taken[s.Name] = true
		}
		for _, s := range added {
			at[s] = len(all)
			s.Name = freeName(taken, s.Name)
			all = append(all, *s)
		}
		f.Scalars = all
		for _, c := range loop.Calls(f) {
			for i, s := range c.Scalars {
				c.Scalars[i] = &all[at[s]]
			}
		}
	}
}

package simd

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// points runs f at every point of the tile.
func (g *generator) points(rows, vectors int, f func()) {
	for g.r = range rows {
		for g.v = range vectors {
			f()
		}
	}
	g.r, g.v = 0, 0
}

// nest runs f inside loops over axes.
func (g *generator) nest(axes []*loop.Axis, f func()) {
	if len(axes) == 0 {
		f()
		return
	}
	g.repeat(axes[0], binding{}, g.dimension(axes[0].Extent), 1, func() { g.nest(axes[1:], f) })
}

// mapPoints stores the values of a map phase: at each point all values are
// computed before the first is stored.
func (g *generator) mapPoints(ph *loop.Phase, rows, vectors int) {
	g.points(rows, vectors, func() {
		var pending []pendingStore
		for _, s := range ph.Stores {
			pending = append(pending, g.evalStore(s))
		}
		for _, p := range pending {
			g.putStore(p)
		}
	})
	g.forget()
}

// define records what a phase leaves at each point of the tile.
func (g *generator) define(res *loop.Result, at map[[2]int]operand) {
	g.results[res] = &result{at: at, row: true, lane: true, level: g.level}
	g.deps = map[*loop.Expr]dependence{}
}

// contract sums products over the phase's axes.
func (g *generator) contract(ph *loop.Phase, rows, vectors int) {
	if ph.Acc.Type != dim.Float32 {
		refuse("a contraction of " + ph.Acc.Type.String())
	}
	acc := map[[2]int]operand{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.newReg(vec).op() })
	zero := func() {
		g.points(rows, vectors, func() {
			from := pattern(0)
			if ph.Init != nil {
				from = g.vecReg(g.eval(ph.Init))
			}
			g.emit(moveVector, from, acc[[2]int{g.r, g.v}])
		})
	}
	step := func(ph *loop.Phase) {
		g.points(rows, vectors, func() {
			a, b := ph.A, ph.B
			// The operand that is the same in all lanes may come from memory.
			if !g.dependence(b).lane {
				a, b = b, a
			}
			y := g.vecReg(g.eval(b))
			x := g.multiplicand(a, vectors)
			g.emitFlow(update, "VFMADD231PS", x, y, acc[[2]int{g.r, g.v}])
			if g.r == rows-1 && g.v == 0 {
				g.runAhead(ph, a, rows)
			}
		})
		g.nextLine()
	}
	total := g.blocked(ph, contractBlock, rows, vectors, zero, step, acc,
		func(t, x operand) operand { return g.bin("VADDPS", t, x) }, signBit)
	g.define(ph.Acc, total)
}

// From farStride bytes on between two steps a processor does not see a stream, so
// it is asked for what is ahead steps away: at 14 rows of two vectors some hundred
// cycles, a third-level cache's answer.
const (
	farStride = 2048
	ahead     = 8
)

// runAhead asks for the elements of a that later steps multiply the rows with, where
// the rows' elements lie side by side and each step's are far from the last one's: x
// in xᵀ·dy, whose rows are as long as a layer is wide.
func (g *generator) runAhead(ph *loop.Phase, a *loop.Expr, rows int) {
	a = g.unguarded(a)
	if rows < fullRows || len(ph.Axes) == 0 || a.Op != loop.Load || a.Guard != nil || g.dependence(a).lane {
		return
	}
	at, size := g.position(a.Param, a.Index), int64(a.Param.DType.Size())
	stride, known := at.coef(ph.Axes[len(ph.Axes)-1]).Int()
	if !known || stride*size < farStride || stride*size > 1<<24 {
		return
	}
	last := g.split(at)
	g.r = 0
	first := g.split(at)
	g.r = rows - 1
	if last.row != 0 || len(last.gather) > 0 || last.disp-first.disp != int64(rows-1) {
		return
	}
	last.disp += ahead * stride
	g.emitFlow(effect, "PREFETCHT0", g.address(a.Param, last, size))
}

// multiplicand is the value of a; an element that one product needs comes
// straight from memory.
func (g *generator) multiplicand(a *loop.Expr, vectors int) operand {
	a = g.unguarded(a)
	if g.target == AVX512 && vectors == 1 && a.Op == loop.Load && a.Guard == nil && a.Type == dim.Float32 && !g.dependence(a).lane {
		p := g.split(g.position(a.Param, a.Index))
		o := g.address(a.Param, p, 4)
		o.element = true
		return o
	}
	return g.vecReg(g.eval(a))
}

// serialReduce combines values one after another, in blocks.
func (g *generator) serialReduce(ph *loop.Phase, rows, vectors int) {
	for _, r := range ph.Reducers {
		one := *ph
		one.Reducers = []*loop.Reducer{r}
		if combinationOf(r).positions() {
			g.serialPositions(&one, rows, vectors)
		} else {
			g.serialValues(&one, rows, vectors)
		}
	}
}

func (g *generator) serialValues(ph *loop.Phase, rows, vectors int) {
	r := ph.Reducers[0]
	c := combinationOf(r)
	acc := map[[2]int]operand{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.newReg(vec).op() })
	zero := func() {
		g.points(rows, vectors, func() { g.emit(moveVector, pattern(c.identity()), acc[[2]int{g.r, g.v}]) })
	}
	step := func(ph *loop.Phase) {
		r := ph.Reducers[0]
		g.points(rows, vectors, func() {
			a := pair{value: acc[[2]int{g.r, g.v}]}
			g.keep(a, g.combine(c, a, g.reduced(r, nil)), operand{})
		})
	}
	total := g.blocked(ph, serialBlock, rows, vectors, zero, step, acc,
		func(t, x operand) operand { return g.combine(c, pair{value: t}, pair{value: x}).value }, c.neutral())
	g.points(rows, vectors, func() {
		at := [2]int{g.r, g.v}
		total[at] = g.finish(r, pair{value: total[at]})
	})
	g.define(r.Result, total)
}

// serialPositions finds the first place of an extreme value, which does not
// depend on blocks.
func (g *generator) serialPositions(ph *loop.Phase, rows, vectors int) {
	if len(ph.Axes) != 1 {
		refuse("positions of extremes over several axes")
	}
	r := ph.Reducers[0]
	c := combinationOf(r)
	acc := map[[2]int]pair{}
	g.points(rows, vectors, func() { acc[[2]int{g.r, g.v}] = g.accumulator(c, c.identity()) })
	index := g.rw.intern(&loop.Expr{Op: loop.AxisVar, Type: dim.Int64, Axis: ph.Axes[0]})
	g.repeat(ph.Axes[0], binding{}, g.dimension(ph.Axes[0].Extent), 1, func() {
		g.points(rows, vectors, func() {
			a := acc[[2]int{g.r, g.v}]
			g.keep(a, g.combine(c, a, g.reduced(r, index)), operand{})
		})
	})
	out := map[[2]int]operand{}
	g.points(rows, vectors, func() { out[[2]int{g.r, g.v}] = g.finish(r, acc[[2]int{g.r, g.v}]) })
	g.define(r.Result, out)
}

// shortReduce reduces a few elements of each lane's own row in the order of
// lanes: element l alone in lane l, then the tree, depth first.
func (g *generator) shortReduce(ph *loop.Phase, rows, vectors int) {
	var at []map[*loop.Axis]binding
	at = append(at, map[*loop.Axis]binding{})
	for _, a := range ph.Axes {
		n, ok := a.Extent.Int()
		if !ok || n*int64(len(at)) > laneCount {
			refuse("a long reduction across lanes")
		}
		var next []map[*loop.Axis]binding
		for _, m := range at {
			for i := range n {
				c := map[*loop.Axis]binding{a: {off: i}}
				for k, v := range m {
					c[k] = v
				}
				next = append(next, c)
			}
		}
		at = next
	}
	for _, r := range ph.Reducers {
		c := combinationOf(r)
		out := map[[2]int]operand{}
		g.points(rows, vectors, func() {
			row, v := g.r, g.v
			p := g.shortTree(c, r, at, 0, 1)
			g.r, g.v = row, v
			out[[2]int{row, v}] = g.finish(r, p)
		})
		g.define(r.Result, out)
	}
}

// shortTree combines the elements l, l+s, l+2s, ...
func (g *generator) shortTree(c combination, r *loop.Reducer, at []map[*loop.Axis]binding, l, s int) pair {
	if s == laneCount || l+s >= len(at) {
		if l >= len(at) {
			return g.accumulator(c, c.identity())
		}
		var p pair
		g.block(at[l], func() {
			x := g.reduced(r, nil)
			if c.positions() {
				x.place = g.vecReg(pattern(uint32(l)))
			}
			if p = x; !c.extreme() { // an extreme of the identity and x is x
				p = g.combine(c, g.accumulator(c, c.identity()), x)
			}
		})
		return p
	}
	low := g.shortTree(c, r, at, l, 2*s)
	return g.combine(c, low, g.shortTree(c, r, at, l+s, 2*s))
}

// sequence carries values along its axis, one set for each point of the tile.
func (g *generator) sequence(ph *loop.Phase, rows, vectors int) {
	current := make([]map[[2]int]operand, len(ph.Carries))
	for i, c := range ph.Carries {
		current[i] = map[[2]int]operand{}
		g.points(rows, vectors, func() {
			r := g.newReg(vec)
			g.emit(moveVector, g.eval(c.Init), r.op())
			current[i][[2]int{g.r, g.v}] = r.op()
		})
	}
	g.repeat(ph.Axes[0], binding{}, g.dimension(ph.Axes[0].Extent), 1, func() {
		for i, c := range ph.Carries {
			g.define(c.Current, current[i])
		}
		g.points(rows, vectors, func() {
			at := [2]int{g.r, g.v}
			next := make([]operand, len(ph.Carries))
			for i, c := range ph.Carries {
				next[i] = g.vecReg(g.eval(c.Next))
				g.nexts[c.Current] = next[i]
			}
			var pending []pendingStore
			for _, s := range ph.Stores {
				pending = append(pending, g.evalStore(s))
			}
			for _, p := range pending {
				g.putStore(p)
			}
			for i := range ph.Carries { // a copy, because another carry's next value may be this one
				t := g.newReg(vec)
				g.emit(moveVector, next[i], t.op())
				next[i] = t.op()
			}
			for i := range ph.Carries {
				g.emit(moveVector, next[i], current[i][at])
			}
		})
		g.forget()
	})
	for i, c := range ph.Carries {
		g.define(c.Current, current[i])
	}
}

// scatterAdd adds at one point of the phase's axes. Lanes never name the same
// element: they run along an axis of the elements.
func (g *generator) scatterAdd(ph *loop.Phase, rows, vectors int) {
	g.points(rows, vectors, func() {
		for _, s := range ph.Stores {
			ps := g.evalStore(s)
			old := g.load(&loop.Expr{Op: loop.Load, Type: s.Param.DType, Param: s.Param, Index: s.Index})
			op := "VADDPS"
			if s.Param.DType != dim.Float32 {
				op = "VPADDD"
			}
			ps.value = g.bin(op, old, ps.value)
			g.putStore(ps)
		}
	})
	g.forget()
}

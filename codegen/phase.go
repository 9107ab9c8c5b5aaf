package codegen

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// The block sizes of the float contract.
const (
	contractBlock = 1024
	laneChunk     = 1024
	laneCount     = 32
	serialBlock   = 256
)

// phase writes one phase at the present point.
func (p *printer) phase(ph *loop.Phase) {
	var roots []*loop.Expr
	loop.PhaseExprs(ph, func(e *loop.Expr) { roots = append(roots, e) })
	p.startPhase(roots)
	switch ph.Kind {
	case loop.Map:
		p.loops(ph.Axes, func() { p.stores(ph.Stores) })
	case loop.Reduce:
		if ph.Order == loop.Lanes {
			p.reduceLanes(ph)
		} else {
			p.reduceSerial(ph)
		}
	case loop.Contract:
		p.contractPoint(ph)
	case loop.Sequence:
		p.sequence(ph)
	case loop.ScatterAdd:
		p.loops(ph.Axes, func() { p.scatter(ph.Stores) })
	case loop.Sort:
		p.sort(ph)
	default:
		p.fail("phase kind %d", ph.Kind)
	}
}

// stores computes all values before it writes the first one, since a value may
// read what another store overwrites.
func (p *printer) stores(stores []*loop.Store) {
	p.stored = map[*loop.Expr]*loop.Param{}
	for _, s := range stores {
		p.stored[s.Value] = s.Param
	}
	values := make([]expr, len(stores))
	for i, s := range stores {
		if s.If != nil {
			continue
		}
		v := p.value(s.Value, false).unrounded()
		if len(stores) > 1 && p.readsWritten(s.Value) {
			if _, leaf := p.leaf(s.Value, false); !leaf && v.ops > 0 || s.Value.Op == loop.Load {
				v = p.here(s.Param.Name+"New", p.typed(s.Value, false, p.value(s.Value, false)))
			}
		}
		values[i] = v
	}
	for i, s := range stores {
		if s.If == nil {
			p.out().set(p.element(s.Param, s.Index), values[i])
			continue
		}
		p.when(s.If, func() {
			v := p.value(s.Value, false)
			p.out().set(p.element(s.Param, s.Index), v.unrounded())
		})
	}
}

// when writes a condition with its own scope.
func (p *printer) when(cond *loop.Expr, f func()) {
	c := p.value(cond, false)
	p.out().when(c, func(b *body) {
		p.push(b, true)
		f()
		p.pop()
	})
}

// scatter adds to the elements that the stores name.
func (p *printer) scatter(stores []*loop.Store) {
	for _, s := range stores {
		add := func() {
			v := p.value(s.Value, false)
			p.out().update(p.element(s.Param, s.Index), "+=", v)
		}
		if s.If != nil {
			p.when(s.If, add)
		} else {
			add()
		}
	}
}

// sequence runs an axis in order with carries.
func (p *printer) sequence(ph *loop.Phase) {
	vars := make([]expr, len(ph.Carries))
	for i, c := range ph.Carries {
		vars[i] = p.here(c.Current.Name, convert(goType(c.Current.Type, false), p.value(c.Init, false)))
	}
	p.loops(ph.Axes, func() {
		for i, c := range ph.Carries {
			p.results[c.Current], p.resultAt[c.Current] = vars[i], p.depth()
		}
		next := make([]expr, len(ph.Carries))
		for i, c := range ph.Carries {
			next[i] = p.here("next", p.typed(c.Next, false, p.value(c.Next, false)))
		}
		for i, c := range ph.Carries {
			p.next[c] = next[i]
		}
		p.stores(ph.Stores)
		for i := range ph.Carries {
			p.out().set(vars[i], next[i])
		}
	})
}

// leave records the value of a result at the present point.
func (p *printer) leave(r *loop.Result, v expr) {
	p.results[r], p.resultAt[r] = v, p.depth()
	p.top().left = append(p.top().left, r)
}

// reducer is a Reducer in Go: how it starts, grows and ends.
type reducer struct {
	*loop.Reducer
	typ  string // of the values
	acc  expr   // the running value, or the lanes
	at   expr   // the running position of an arg-reduction
	rank string // name of the combiner in the runtime: "Sum"
}

var combiners = [...]string{
	loop.Sum: "Sum", loop.Prod: "Prod", loop.MaxOf: "Max", loop.MinOf: "Min",
	loop.ArgMaxOf: "ArgMax", loop.ArgMinOf: "ArgMin", loop.AnyOf: "Any", loop.AllOf: "All",
}

func (r *reducer) arg() bool { return r.Op == loop.ArgMaxOf || r.Op == loop.ArgMinOf }

// identity is the value that a combiner starts from.
func (r *reducer) identity() expr {
	t := r.Value.Type
	low := map[dim.DType]int64{dim.Int64: math.MinInt64, dim.Int32: math.MinInt32, dim.Int16: math.MinInt16, dim.Int8: math.MinInt8}
	high := map[dim.DType]int64{
		dim.Int64: math.MaxInt64, dim.Int32: math.MaxInt32, dim.Int16: math.MaxInt16, dim.Int8: math.MaxInt8,
		dim.Uint8: math.MaxUint8, dim.Uint32: math.MaxUint32,
	}
	inf := func(sign int64) expr { return convert(r.typ, call(std("math", "Inf"), num(sign))) }
	switch r.Op {
	case loop.Prod:
		return convert(r.typ, num(1))
	case loop.MaxOf, loop.ArgMaxOf:
		if t.IsFloat() {
			return inf(-1)
		}
		return convert(r.typ, num(low[t]))
	case loop.MinOf, loop.ArgMinOf:
		if t.IsFloat() {
			return inf(1)
		}
		return convert(r.typ, num(high[t]))
	case loop.AnyOf:
		return id("false")
	case loop.AllOf:
		return id("true")
	}
	return convert(r.typ, num(0))
}

// zero reports whether the identity is what Go initialises with.
func (r *reducer) zero() bool { return r.Op == loop.Sum || r.Op == loop.AnyOf }

// grow combines one more value, which has a later position than those before.
func (r *reducer) grow(b *body, to, at expr, v, position expr) {
	switch r.Op {
	case loop.Sum:
		b.update(to, "+=", v)
	case loop.Prod:
		b.update(to, "*=", v.unrounded())
	case loop.AnyOf:
		b.set(to, binRaw("||", to, v))
	case loop.AllOf:
		b.set(to, binRaw("&&", to, v))
	case loop.MaxOf, loop.MinOf:
		b.set(to, call(rt(combiners[r.Op]+"Of"), to, v))
	case loop.ArgMaxOf, loop.ArgMinOf:
		name := "ArgMaxOf"
		if r.Op == loop.ArgMinOf {
			name = "ArgMinOf"
		}
		b.add(assignTwo(to, at, call(rt(name), to, at, v, position)))
	}
}

func (p *printer) reducers(ph *loop.Phase) []*reducer {
	var list []*reducer
	for _, r := range ph.Reducers {
		list = append(list, &reducer{Reducer: r, typ: goType(r.Value.Type, false), rank: combiners[r.Op]})
		if (r.Op == loop.Sum || r.Op == loop.Prod) && (r.Value.Type == dim.BFloat16 || r.Value.Type == dim.Float16) {
			p.fail("a %s of %s", combiners[r.Op], r.Value.Type)
		}
	}
	return list
}

// overAxes loops a flat position from first to end over axes; element gets it.
func (p *printer) overAxes(axes []*loop.Axis, first, end expr, element func(position func() expr)) {
	size := bin("-", end, first)
	if size.isInt && size.number == 1 {
		p.out().block(func(b *body) {
			p.push(b, false)
			p.unflatten(always(first), axes)
			element(always(first))
			p.pop()
		})
		return
	}
	if len(axes) == 1 {
		p.loopRow(axes[0], first, size, func() { element(p.axes[axes[0]]) })
		return
	}
	c := &counter{name: p.names.local("i")}
	defer p.names.free(c.name)
	p.out().forCounter(c, size, func(b *body) {
		p.push(b, false)
		at := func() expr { return bin("+", first, c.use()) }
		p.unflatten(at, axes)
		element(at)
		p.pop()
	})
}

// reduceLanes is a reduction in 32 numbered lanes, in chunks when there may be
// more elements than one chunk holds.
func (p *printer) reduceLanes(ph *loop.Phase) {
	list := p.reducers(ph)
	n := dim.Product(extents(ph.Axes))
	size := p.dim(n)
	if c, ok := n.Int(); ok && c <= laneChunk {
		p.laneChunk(ph, list, num(0), size)
		for _, r := range list {
			p.leave(r.Result, p.here(r.Result.Name, p.laneTotal(r)))
		}
		return
	}
	for _, r := range list {
		p.startTotal(r)
	}
	base := p.names.local("base")
	defer p.names.free(base)
	p.out().forStep(base, num(0), size, laneChunk, func(b *body) {
		p.push(b, false)
		totals := make([]expr, len(list))
		ats := make([]expr, len(list))
		for i, r := range list {
			totals[i], ats[i] = r.acc, r.at
		}
		end := p.here("end", call(id("min"), bin("+", id(base), num(laneChunk)), size))
		p.laneChunk(ph, list, id(base), end)
		for i, r := range list {
			lanes, at := r.acc, r.at
			r.acc, r.at = totals[i], ats[i]
			p.addChunk(r, id(base), lanes, at)
		}
		p.pop()
	})
	p.finish(list)
}

// laneChunk fills the lanes with the elements from first to end.
func (p *printer) laneChunk(ph *loop.Phase, list []*reducer, first, end expr) {
	for _, r := range list {
		name := p.local(p.top(), r.Result.Name+"Lanes")
		if r.zero() {
			r.acc = p.out().declare(name, "[32]"+r.typ)
		} else {
			r.acc = p.out().define(name, call(rt("Lanes"), r.identity()))
		}
		if r.arg() {
			r.at = p.here(r.Result.Name+"At", call(rt("Lanes"), num(-1)))
		}
	}
	p.overAxes(ph.Axes, first, end, func(position func() expr) {
		lane := bin("&", position(), num(laneCount-1))
		if p.rowAxis != nil { // chunks start at lane 0
			lane = bin("&", p.rowIndex(), num(laneCount-1))
		}
		for _, r := range list {
			v := p.typed(r.Value, false, p.value(r.Value, false))
			if r.arg() {
				r.grow(p.out(), index(r.acc, lane), index(r.at, lane), v, position())
			} else {
				r.grow(p.out(), index(r.acc, lane), expr{}, v, expr{})
			}
		}
	})
}

// laneTotal combines the lanes in the tree of the float contract.
func (p *printer) laneTotal(r *reducer) expr {
	if r.arg() {
		at := p.local(p.top(), "best")
		p.out().multi([]string{"_", at}, ":=", call(rt(r.rank+"Lanes"), unary("&", r.acc), unary("&", r.at)))
		return convert("int32", call(id("max"), id(at), num(0)))
	}
	return call(rt(r.rank+"Lanes"), unary("&", r.acc))
}

func (p *printer) laneArg(r *reducer) (v, at expr) {
	names := []string{p.local(p.top(), "best"), p.local(p.top(), "bestAt")}
	p.out().multi(names, ":=", call(rt(r.rank+"Lanes"), unary("&", r.acc), unary("&", r.at)))
	return id(names[0]), id(names[1])
}

// startTotal declares the running total of a reduction in several chunks.
func (p *printer) startTotal(r *reducer) {
	name := p.local(p.top(), r.Result.Name)
	if r.zero() {
		r.acc = p.out().declare(name, r.typ)
	} else {
		r.acc = p.out().define(name, r.identity())
	}
	if r.arg() {
		r.at = p.here(r.Result.Name+"At", num(-1))
	}
}

// addChunk adds a chunk's lanes to the total, which starts as the first chunk's.
func (p *printer) addChunk(r *reducer, base, lanes, laneAt expr) {
	c := *r
	c.acc, c.at = lanes, laneAt
	if r.arg() {
		v, at := p.laneArg(&c)
		r.grow(p.out(), r.acc, r.at, v, at)
		return
	}
	p.joinBlock(r, base, p.laneTotal(&c))
}

// joinBlock adds a block's value to the total, which starts as the first block's.
func (p *printer) joinBlock(r *reducer, base, v expr) {
	if r.Op == loop.Sum && r.typ == "float32" {
		p.out().set(r.acc, call(rt("AddBlock"), r.acc, base, v))
		return
	}
	v = p.here("block", v)
	p.out().whenElse(binRaw("==", base, num(0)), func(b *body) { b.set(r.acc, v) }, func(b *body) { r.grow(b, r.acc, r.at, v, expr{}) })
}

// finish leaves the totals as the phase's results.
func (p *printer) finish(list []*reducer) {
	for _, r := range list {
		if r.arg() {
			p.leave(r.Result, p.here(r.Result.Name+"Index", convert("int32", call(id("max"), r.at, num(0)))))
		} else {
			p.leave(r.Result, r.acc)
		}
	}
}

// reduceSerial is a reduction in index order, in blocks when there may be more
// elements than one block holds.
func (p *printer) reduceSerial(ph *loop.Phase) {
	list := p.reducers(ph)
	n := dim.Product(extents(ph.Axes))
	size := p.dim(n)
	one := func(position func() expr) {
		for _, r := range list {
			var at expr
			if r.arg() {
				at = position()
			}
			r.grow(p.out(), r.acc, r.at, p.typed(r.Value, false, p.value(r.Value, false)), at)
		}
	}
	for _, r := range list {
		p.startTotal(r)
	}
	if c, ok := n.Int(); ok && c <= serialBlock {
		p.overAxes(ph.Axes, num(0), size, one)
		p.finish(list)
		return
	}
	base := p.names.local("base")
	defer p.names.free(base)
	p.out().forStep(base, num(0), size, serialBlock, func(b *body) {
		p.push(b, false)
		totals := make([]reducer, len(list))
		for i, r := range list {
			totals[i] = *r
			if !r.arg() { // an arg-reduction gives the same in one go
				p.startTotal(r)
			}
		}
		end := p.here("end", call(id("min"), bin("+", id(base), num(serialBlock)), size))
		p.overAxes(ph.Axes, id(base), end, one)
		for i, r := range list {
			block := r.acc
			*r = totals[i]
			if !r.arg() {
				p.joinBlock(r, id(base), block)
			}
		}
		p.pop()
	})
	p.finish(list)
}

// contractPoint is a sum of products at one point, for kernels that are not tiled.
func (p *printer) contractPoint(ph *loop.Phase) {
	n := dim.Product(extents(ph.Axes))
	size := p.dim(n)
	typ := goType(ph.Acc.Type, false)
	fma := rt("FMA")
	if ph.Acc.Type == dim.Float64 {
		fma = std("math", "FMA")
	} else if ph.Acc.Type != dim.Float32 {
		p.fail("contraction of %s", ph.Acc.Type)
	}
	total := p.declare(ph.Acc.Name, typ)
	chain := func(acc, from, to expr) {
		p.overAxes(ph.Axes, from, to, func(func() expr) {
			p.out().set(acc, call(fma, p.value(ph.A, false), p.value(ph.B, false), acc))
		})
	}
	if ph.Init != nil {
		p.out().set(total, p.value(ph.Init, false))
	}
	if c, ok := n.Int(); ok && c <= contractBlock || ph.Init != nil {
		chain(total, num(0), size)
		p.leave(ph.Acc, total)
		return
	}
	base := p.names.local("base")
	defer p.names.free(base)
	p.out().forStep(base, num(0), size, contractBlock, func(b *body) {
		p.push(b, false)
		block := p.declare("block", typ)
		end := p.here("end", call(id("min"), bin("+", id(base), num(contractBlock)), size))
		chain(block, id(base), end)
		if typ == "float32" {
			b.set(total, call(rt("AddBlock"), total, id(base), block))
		} else {
			b.whenElse(binRaw("==", id(base), num(0)), func(b *body) { b.set(total, block) }, func(b *body) { b.update(total, "+=", block) })
		}
		p.pop()
	})
	p.leave(ph.Acc, total)
}

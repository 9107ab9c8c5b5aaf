package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// tile runs chains of batched contractions point by point of their batch: the
// scores of attention are computed, normalised and multiplied one head at a time,
// and so are their gradients. What lies between the contractions then takes the
// memory of one point for each worker, in place of all points.
//
// A chain's calls become one kernel with parts. Each part does what its kernel did
// at the points of one tile, so no bit changes.
func tile(p *loop.Program) error {
	t := newTiler(p)
	eachFunc(p, func(f *loop.Func) {
		s := &tileSchedule{t: t, f: f}
		s.run()
		f.Buffers = orderBuffers(f)
	})
	t.finish()
	return nil
}

// tileSchedule finds the chains of one function. Only calls outside of loops
// take part.
type tileSchedule struct {
	t     *tiler
	f     *loop.Func
	users map[*loop.Buffer][]*loop.Call
}

func (s *tileSchedule) run() {
	s.users = s.findUsers()
	done := map[*loop.Call]bool{}
	for _, st := range slices.Clone(s.f.Body) {
		c, ok := st.(*loop.Call)
		if !ok || done[c] || contraction(c.Kernel) == nil {
			continue
		}
		for n, a := range c.Args {
			if !c.Kernel.Params[n].Write || len(s.users[a.Buffer]) == 0 {
				continue
			}
			ch := s.grow(a.Buffer)
			if ch == nil || !ch.worth() {
				continue
			}
			ch.cutRows()
			body, ok := s.together(ch)
			if !ok {
				continue
			}
			for _, x := range ch.calls {
				done[x] = true
			}
			s.f.Body = body
			s.users = s.findUsers()
			break
		}
	}
}

// findUsers lists the calls that use each buffer which may become local to a
// tile: a temporary that calls outside of loops see whole and in its own shape.
func (s *tileSchedule) findUsers() map[*loop.Buffer][]*loop.Call {
	users := map[*loop.Buffer][]*loop.Call{}
	barred := map[*loop.Buffer]bool{}
	for _, o := range s.f.Outputs {
		barred[o.Buffer] = true
	}
	for _, st := range s.f.Body {
		c, outside := st.(*loop.Call)
		for _, x := range loop.Calls(&loop.Func{Body: []loop.Step{st}}) {
			var sizes map[string]dim.Dim
			for n, a := range x.Args {
				if a.Buffer.Kind != loop.Temp || barred[a.Buffer] {
					continue
				}
				if sizes == nil {
					sizes = callSizes(x)
				}
				if !outside || a.At != nil || !sameShape(x.Kernel.Params[n].Shape, a.Buffer.Shape, sizes) {
					barred[a.Buffer] = true
				}
			}
		}
		if outside {
			for _, a := range c.Args {
				if a.Buffer.Kind == loop.Temp && !slices.Contains(users[a.Buffer], c) {
					users[a.Buffer] = append(users[a.Buffer], c)
				}
			}
		}
	}
	for b := range barred { // a set
		delete(users, b)
	}
	return users
}

// chain is calls that share buffers which can be local to a tile.
type chain struct {
	calls  []*loop.Call
	locals []*loop.Buffer
	rank   int                  // leading axes of the locals that tell points apart
	axes   map[*loop.Call][]int // positions of these axes in a kernel's space, -1 for one of extent 1
	rows   map[*loop.Call]int   // position of the next axis, or sumOverRows, when it is cut into tiles of rows; else nil
	serial bool                 // some call sums over the rows
}

// tileRows is the number of rows of a tile: enough that the operand which all
// rows share is read seldom, few enough that a tile stays in the cache.
const tileRows = 64

// grow collects the chain of a buffer; nil when there is none.
func (s *tileSchedule) grow(seed *loop.Buffer) *chain {
	ch := &chain{rank: len(seed.Shape), axes: map[*loop.Call][]int{}}
	if !s.admit(ch, seed) {
		return nil
	}
	for n := 0; n < len(ch.calls); n++ {
		for _, a := range ch.calls[n].Args {
			if alike(a.Buffer.Shape, seed.Shape) && !slices.Contains(ch.locals, a.Buffer) && len(s.users[a.Buffer]) > 0 {
				s.admit(ch, a.Buffer)
			}
		}
	}
	return ch
}

// alike reports whether a shape is another one, or that of its rows.
func alike(a, b []dim.Dim) bool {
	if len(a) == len(b)-1 {
		b = b[:len(a)]
	}
	return dim.EqualShapes(a, b)
}

// admit makes a buffer local, and its users part of the chain, when all of them
// see it at the points of one tile.
func (s *tileSchedule) admit(ch *chain, b *loop.Buffer) bool {
	rank, axes := ch.rank, map[*loop.Call][]int{}
	for _, c := range s.users[b] {
		if len(c.Counters) > 0 || len(ch.calls) > 0 && (c.AfterLoss != ch.calls[0].AfterLoss || c.Metric != ch.calls[0].Metric) {
			return false
		}
		at := pointAxes(c.Kernel, paramOf(c, b), true)
		if old, ok := ch.axes[c]; ok {
			at = at[:commonPrefix(at, old)]
		}
		rank = min(rank, len(at))
		axes[c] = at
	}
	if rank == 0 || len(tileShape(b.Shape[:rank])) == 0 {
		return false
	}
	ch.rank = rank
	ch.locals = append(ch.locals, b)
	for _, c := range s.users[b] {
		if ch.axes[c] == nil {
			ch.calls = append(ch.calls, c)
		}
		ch.axes[c] = axes[c]
	}
	return true
}

// paramOf is the parameter for a buffer in a call that uses it.
func paramOf(c *loop.Call, b *loop.Buffer) *loop.Param {
	return c.Kernel.Params[slices.IndexFunc(c.Args, func(a loop.Arg) bool { return a.Buffer == b })]
}

// cutRows decides whether the axis of the locals behind the points' is cut into
// tiles of rows. Every call must work row by row, or be a contraction that sums
// over the rows: then the tiles of a point run in order.
func (ch *chain) cutRows() {
	rows := map[*loop.Call]int{}
	for _, c := range ch.calls {
		row := sumOverRows
		for n, a := range c.Args {
			if !slices.Contains(ch.locals, a.Buffer) {
				continue
			}
			if len(a.Buffer.Shape) <= ch.rank || a.Buffer.Layout != nil {
				return
			}
			if d, ok := a.Buffer.Shape[ch.rank].Int(); ok && d <= tileRows {
				return
			}
			at, p := sumOverRows, c.Kernel.Params[n]
			if place := pointAxes(c.Kernel, p, false); len(place) > ch.rank {
				at = place[ch.rank]
			} else if !sumsOver(c.Kernel, p, ch.rank) {
				return
			}
			if n, seen := rows[c]; seen && n != at {
				return
			}
			row = at
			rows[c] = at
		}
		ch.serial = ch.serial || row == sumOverRows
	}
	ch.rows = rows
}

// sumOverRows is the place of the rows' axis in calls that sum over it.
const sumOverRows = -2

// sumsOver reports whether a kernel is a float32 contraction over one axis, which
// every access to p has at the given place, and maps of the sums.
func sumsOver(k *loop.Kernel, p *loop.Param, place int) bool {
	ph := k.Phases[0]
	ok := ph.Kind == loop.Contract && len(ph.Axes) == 1 && ph.Acc.Type == dim.Float32 && !p.Write
	eachAccess(k, p, func(index []*loop.Expr) {
		ok = ok && isAxis(index[place], ph.Axes[0]) && p.Shape[place].Equal(ph.Axes[0].Extent)
	})
	for _, later := range k.Phases[1:] {
		ok = ok && later.Kind == loop.Map && len(later.Axes) == 0
	}
	return ok
}

func commonPrefix(a, b []int) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// tileShape leaves out axes of extent 1, which tell no tiles apart.
func tileShape(shape []dim.Dim) []dim.Dim {
	return slices.DeleteFunc(slices.Clone(shape), func(d dim.Dim) bool { return d.Is(1) })
}

// pointAxes gives, for the leading axes of a parameter, the axes of the space at
// whose positions every access is, as long as both operands of a contraction
// have them if batched is set; -1 stands for an axis of extent 1.
func pointAxes(k *loop.Kernel, p *loop.Param, batched bool) []int {
	var out []int
	if len(k.Parts) > 0 {
		return nil
	}
	ph := contraction(k)
	for d, extent := range p.Shape {
		at := -1
		ok := true
		eachAccess(k, p, func(index []*loop.Expr) {
			e := index[d]
			n := slices.IndexFunc(k.Space, func(a *loop.Axis) bool { return e.Op == loop.AxisVar && e.Axis == a })
			switch {
			case extent.Is(1) && e.Op == loop.Const:
			case n < 0 || at >= 0 && n != at || slices.Contains(out, n) || !k.Space[n].Extent.Equal(extent):
				ok = false
			default:
				at = n
			}
		})
		if at >= 0 && ph != nil && batched {
			ok = ok && loop.Mentions(ph.A, k.Space[at]) && loop.Mentions(ph.B, k.Space[at])
		}
		if !ok || at < 0 && !extent.Is(1) {
			break
		}
		out = append(out, at)
	}
	return out
}

// eachAccess visits the indices of a kernel's loads from and stores to p.
func eachAccess(k *loop.Kernel, p *loop.Param, visit func(index []*loop.Expr)) {
	eachExpr(k, func(e *loop.Expr) {
		if e.Op == loop.Load && e.Param == p {
			visit(e.Index)
		}
	})
	for _, st := range stores(k) {
		if st.Param == p {
			visit(st.Index)
		}
	}
}

// stores lists a kernel's stores.
func stores(k *loop.Kernel) []*loop.Store {
	var list []*loop.Store
	for _, ph := range k.Phases {
		list = append(list, ph.Stores...)
		if ph.Sort != nil {
			list = append(list, ph.Sort.Values, ph.Sort.Positions)
		}
	}
	return slices.DeleteFunc(list, func(s *loop.Store) bool { return s == nil })
}

// eachExpr visits every expression of a kernel once.
func eachExpr(k *loop.Kernel, visit func(e *loop.Expr)) {
	seen := map[*loop.Expr]bool{}
	var walk func(e *loop.Expr)
	walk = func(e *loop.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		visit(e)
		for _, x := range e.Args {
			walk(x)
		}
		for _, x := range e.Index {
			walk(x)
		}
		walk(e.Guard)
	}
	for _, ph := range k.Phases {
		loop.PhaseExprs(ph, walk)
	}
}

// worth reports whether a contraction makes a local and another one takes one.
func (ch *chain) worth() bool {
	makes, takes := false, false
	for _, c := range ch.calls {
		if contraction(c.Kernel) == nil {
			continue
		}
		for n, a := range c.Args {
			if slices.Contains(ch.locals, a.Buffer) {
				makes = makes || c.Kernel.Params[n].Write
				takes = takes || c.Kernel.Params[n].Read
			}
		}
	}
	return makes && takes
}

// together returns the body with the chain's calls replaced by one, ok false
// when what stands between them needs some and is needed by others.
func (s *tileSchedule) together(ch *chain) (body []loop.Step, ok bool) {
	var before, after, members []loop.Step
	for _, st := range s.f.Body {
		c, isCall := st.(*loop.Call)
		switch {
		case isCall && slices.Contains(ch.calls, c):
			if conflict(after, st) {
				return nil, false
			}
			members = append(members, st)
		case len(members) == 0:
			before = append(before, st)
		case len(members) < len(ch.calls) && !conflict(members, st) && !conflict(after, st):
			before = append(before, st)
		default:
			after = append(after, st)
		}
	}
	ch.calls = nil
	for _, m := range members {
		ch.calls = append(ch.calls, m.(*loop.Call))
	}
	if s.mixed(ch) || updatesLater(before, ch.calls[0]) {
		return nil, false
	}
	return append(append(before, s.t.call(s.f, ch)), after...), true
}

// conflict reports whether a step must stay behind others: one of them writes
// what the other uses.
func conflict(earlier []loop.Step, later loop.Step) bool {
	use := func(steps []loop.Step) (read, write map[*loop.Buffer]bool) {
		read, write = map[*loop.Buffer]bool{}, map[*loop.Buffer]bool{}
		for _, c := range loop.Calls(&loop.Func{Body: steps}) {
			for n, a := range c.Args {
				if c.Kernel.Params[n].Write {
					write[a.Buffer] = true
				}
				if c.Kernel.Params[n].Read {
					read[a.Buffer] = true
				}
			}
		}
		return read, write
	}
	r1, w1 := use(earlier)
	r2, w2 := use([]loop.Step{later})
	meet := func(a, b map[*loop.Buffer]bool) bool {
		for x := range a { // a set
			if b[x] {
				return true
			}
		}
		return false
	}
	return meet(w1, r2) || meet(w1, w2) || meet(r1, w2)
}

// updatesLater reports whether a step that waits for the loss came to stand
// before a call that does not.
func updatesLater(before []loop.Step, c *loop.Call) bool {
	return !c.AfterLoss && slices.ContainsFunc(loop.Calls(&loop.Func{Body: before}), func(x *loop.Call) bool { return x.AfterLoss })
}

// mixed reports whether a buffer that is no local passes from call to call of the
// chain at other points than those of one tile.
func (s *tileSchedule) mixed(ch *chain) bool {
	var passed []*loop.Buffer
	for n, c := range ch.calls {
		for m, a := range c.Args {
			if c.Kernel.Params[m].Write && !slices.Contains(ch.locals, a.Buffer) && usedBy(ch.calls[n+1:], a.Buffer) {
				passed = append(passed, a.Buffer)
			}
		}
	}
	for _, c := range ch.calls {
		for m, a := range c.Args {
			p := c.Kernel.Params[m]
			if !slices.Contains(passed, a.Buffer) {
				continue
			}
			at := pointAxes(c.Kernel, p, false)
			if a.At != nil || !sameShape(p.Shape, a.Buffer.Shape, callSizes(c)) || commonPrefix(at, ch.axes[c]) < ch.rank {
				return true
			}
			if row, cut := ch.rows[c]; cut && (ch.serial || len(at) <= ch.rank || at[ch.rank] != row) {
				ch.rows, ch.serial = nil, false
			}
		}
	}
	return false
}

func usedBy(calls []*loop.Call, b *loop.Buffer) bool {
	return slices.ContainsFunc(calls, func(c *loop.Call) bool {
		return slices.ContainsFunc(c.Args, func(a loop.Arg) bool { return a.Buffer == b })
	})
}

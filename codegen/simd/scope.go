package simd

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// generator emits one kernel for one target. Code is emitted into a stack of
// scopes; a value is computed in the outermost scope where all that it needs is
// known, so what a loop does not change stands before the loop.
type generator struct {
	target  Target
	kernel  *loop.Kernel
	rw      *rewriter
	code    *code
	scopes  []*scope
	level   int // index of the scope that emit writes for
	labels  int
	ids     map[any]int
	params  map[string]string // operand text of each argument by name
	r, v    int               // the tile's row and vector being evaluated
	deps    map[*loop.Expr]dependence
	places  map[element]linear
	results map[*loop.Result]*result
	nexts   map[*loop.Result]operand // of a sequence, at the present point
	written map[*loop.Param]bool
	// positionOf is the place of an element in its row while a row is reduced in chunks.
	positionOf *loop.Expr
	tables     []table
	assumed    map[*loop.Expr]bool      // conditions that a branch has decided
	maskLanes  map[reg]int64            // the lanes of masks whose number is known
	whole      int                      // rows that the second row axis of a tile has; 0 for no such axis
	rowAlign   int64                    // divides the row axis's position at the start of a tile; 0 when unknown
	laneAlign  int64                    // the same of the lane axis
	scratch    int                      // bytes of the frame in use
	trickle    trickle                  // what the steps of the sum at hand ask for
	looped     bool                     // calls of the kernel stand in loops
	pauses     bool                     // the code has a place where a call may pause
	turn       *tiling                  // of a kernel that transposes; nil for others
	blocks     map[*loop.Expr][]operand // what the tile at hand has transposed: a vector a row
}

// scope is a loop or a block. Its before part runs once in the scope around it.
type scope struct {
	before, body, after []inst
	bind                map[*loop.Axis]binding
	values              map[valueKey]operand // computed in body
	volatile            map[valueKey]operand // the same, but a store may change them
	hoisted             map[valueKey]operand // computed in before, for the scope around
	loop                bool
	step                int64
	skippable           bool // the body may run not at all
	barrier             bool // runs under a condition: values stay inside
}

// valueKey names a computed value: an expression at a row and a vector of the
// tile (-1 where it does not depend on them), or an integer by its text.
type valueKey struct {
	e    *loop.Expr
	text string
	r, v int
}

// binding says what an axis stands for in a scope.
type binding struct {
	loop  *scope // its counter runs in this loop ...
	reg   reg    // ... from this register, 0 for none
	off   int64  // ... plus this
	row   bool   // plus the tile's row
	inner bool   // plus the place among the rows of the axis that a tile has whole
	lane  bool   // plus the vector's first lane and the lane
	masks []operand
	level int
	at    int // the level of reg: known before the scope is entered
	// within is the range of the axis, without the row and the lane; nil when the
	// rest says it.
	within *span
}

// result is what a phase left: one operand for all points, or one for each row
// and vector of the tile.
type result struct {
	at        map[[2]int]operand
	row, lane bool
	level     int
}

// dependence says what a value changes with.
type dependence struct {
	level            int
	row, inner, lane bool
	volatile         bool
}

func (g *generator) newReg(c class) reg {
	g.code.classes = append(g.code.classes, c)
	return reg(len(g.code.classes) - 1)
}

// emit appends an instruction at the current level.
func (g *generator) emit(op string, a ...operand) { g.emitFlow(plain, op, a...) }

func (g *generator) emitFlow(f flow, op string, a ...operand) {
	g.put(inst{op: op, a: a, flow: f})
}

func (g *generator) put(in inst) {
	if g.level == len(g.scopes)-1 {
		s := g.scopes[g.level]
		s.body = append(s.body, in)
		return
	}
	s := g.scopes[g.level+1]
	s.before = append(s.before, in)
}

func (g *generator) newLabel(what string) string {
	g.labels++
	return fmt.Sprintf("%s%d", what, g.labels)
}

func (g *generator) label(name string) {
	g.emitFlow(label, "", operand{kind: labelOperand, name: name})
}

func (g *generator) jump(op, name string) {
	f := branch
	if op == "JMP" {
		f = jump
	}
	g.emitFlow(f, op, operand{kind: labelOperand, name: name})
}

func (g *generator) push(s *scope) *scope {
	s.values, s.volatile, s.hoisted = map[valueKey]operand{}, map[valueKey]operand{}, map[valueKey]operand{}
	if s.bind == nil {
		s.bind = map[*loop.Axis]binding{}
	}
	g.scopes = append(g.scopes, s)
	g.level = len(g.scopes) - 1
	g.deps = map[*loop.Expr]dependence{}
	return s
}

// pop closes the innermost scope and lays its code into the one around it.
func (g *generator) pop(lead, tail []inst) {
	n := len(g.scopes) - 1
	s := g.scopes[n]
	g.scopes = g.scopes[:n]
	g.level = n - 1
	g.deps = map[*loop.Expr]dependence{}
	if s.loop {
		for i := range s.body {
			s.body[i].depth++
		}
		for i := range s.after {
			s.after[i].depth++
		}
	}
	outer := g.scopes[n-1]
	for _, part := range [][]inst{s.before, lead, s.body, s.after, tail} {
		outer.body = append(outer.body, part...)
	}
	if !s.skippable && !s.barrier {
		for k, o := range s.hoisted {
			outer.values[k] = o
		}
	}
}

// block runs f in a scope without a loop, with axes bound.
func (g *generator) block(bind map[*loop.Axis]binding, f func()) {
	g.push(&scope{bind: bind})
	g.levelBindings()
	f()
	g.pop(nil, nil)
}

// region runs f in code that a branch may skip: nothing is hoisted out of it.
func (g *generator) region(bind map[*loop.Axis]binding, f func()) {
	g.push(&scope{bind: bind, barrier: true})
	g.levelBindings()
	f()
	g.pop(nil, nil)
}

func (g *generator) levelBindings() {
	n := len(g.scopes) - 1
	for a, b := range g.scopes[n].bind {
		b.level, b.at = n, n-1
		g.scopes[n].bind[a] = b
	}
}

// repeat runs f count times, each time further by step on axis a, which starts
// at the binding b. A count known to be one is a block.
func (g *generator) repeat(a *loop.Axis, b binding, count operand, step int64, f func()) {
	if count.kind == immOperand && count.imm <= 0 {
		return
	}
	if count.kind == immOperand && count.imm == 1 {
		g.block(map[*loop.Axis]binding{a: b}, f)
		return
	}
	left := g.newReg(gp)
	end, again := g.newLabel("end"), g.newLabel("loop")
	g.emit("MOVQ", count, left.op())
	known := count.kind == immOperand
	if !known {
		g.emitFlow(effect, "TESTQ", left.op(), left.op())
		g.jump("JLE", end)
	}
	s := g.push(&scope{loop: true, step: step, skippable: !known})
	b.loop = s
	s.bind[a] = b
	g.levelBindings()
	f()
	s.after = append(s.after, inst{op: "DECQ", a: []operand{left.op()}, flow: update},
		inst{op: "JNE", a: []operand{{kind: labelOperand, name: again}}, flow: branch})
	g.pop([]inst{{flow: label, a: []operand{{kind: labelOperand, name: again}}}}, nil)
	if !known {
		g.label(end)
	}
}

// binding finds what an axis stands for.
func (g *generator) binding(a *loop.Axis) binding {
	for i := len(g.scopes) - 1; i >= 0; i-- {
		if b, ok := g.scopes[i].bind[a]; ok {
			return b
		}
	}
	panic("simd: axis " + a.Name + " is not bound")
}

// barrier is the innermost scope that values must not leave.
func (g *generator) barrier() int {
	for i := len(g.scopes) - 1; i > 0; i-- {
		if g.scopes[i].barrier {
			return i
		}
	}
	return 0
}

// wholeRows is how many rows of a tile differ in its second row axis alone.
func (g *generator) wholeRows() int { return max(g.whole, 1) }

// rowOf is the present row's part of an axis.
func (g *generator) rowOf(b binding) int64 {
	switch {
	case b.inner:
		return int64(g.r % g.wholeRows())
	case b.row:
		return int64(g.r / g.wholeRows())
	}
	return 0
}

// once returns the value with the given key and dependence, computing it with f
// at the outermost level possible unless it is known.
func (g *generator) once(k valueKey, d dependence, f func() operand) operand {
	switch {
	case d.row && d.inner:
	case d.row:
		k.r -= k.r % g.wholeRows()
	case d.inner:
		k.r %= g.wholeRows()
	default:
		k.r = -1
	}
	if !d.lane {
		k.v = -1
	}
	level := max(d.level, g.barrier())
	s := g.scopes[level]
	if o, ok := s.values[k]; ok {
		return o
	}
	if o, ok := s.volatile[k]; ok {
		return o
	}
	inner := level+1 < len(g.scopes)
	if inner {
		if o, ok := g.scopes[level+1].hoisted[k]; ok {
			return o
		}
	}
	old := g.level
	g.level = level
	o := f()
	g.level = old
	switch {
	case inner:
		g.scopes[level+1].hoisted[k] = o
	case d.volatile:
		s.volatile[k] = o
	default:
		s.values[k] = o
	}
	return o
}

// forget drops values that a store may have changed.
func (g *generator) forget() {
	for _, s := range g.scopes {
		s.volatile = map[valueKey]operand{}
	}
}

// dependence finds what e changes with.
func (g *generator) dependence(e *loop.Expr) dependence {
	if d, ok := g.deps[e]; ok {
		return d
	}
	var d dependence
	join := func(x dependence) {
		d.level = max(d.level, x.level)
		d.row, d.inner, d.lane, d.volatile = d.row || x.row, d.inner || x.inner, d.lane || x.lane, d.volatile || x.volatile
	}
	switch e.Op {
	case loop.AxisVar:
		if b := g.axisBinding(e.Axis); b != nil {
			join(dependence{level: b.level, row: b.row, inner: b.inner, lane: b.lane})
		}
	case loop.ResultOf:
		r := g.results[e.Result]
		join(dependence{level: r.level, row: r.row, inner: r.row, lane: r.lane})
	case loop.NextOf:
		join(dependence{level: len(g.scopes) - 1, row: true, inner: true, lane: true, volatile: true})
	case loop.Load:
		if g.written[e.Param] {
			join(dependence{level: len(g.scopes) - 1, volatile: true})
		}
	}
	for _, a := range e.Args {
		join(g.dependence(a))
	}
	for _, a := range e.Index {
		join(g.dependence(a))
	}
	if e.Guard != nil {
		join(g.dependence(e.Guard))
	}
	g.deps[e] = d
	return d
}

// axisBinding is nil for an axis of extent one that nothing binds.
func (g *generator) axisBinding(a *loop.Axis) *binding {
	if a.Extent.Is(1) {
		bound := false
		for _, s := range g.scopes {
			_, ok := s.bind[a]
			bound = bound || ok
		}
		if !bound {
			return nil
		}
	}
	b := g.binding(a)
	return &b
}

func (g *generator) id(x any) int {
	n, ok := g.ids[x]
	if !ok {
		n = len(g.ids) + 1
		g.ids[x] = n
	}
	return n
}

// dimension returns the run-time value of d: an immediate or a register.
func (g *generator) dimension(d dim.Dim) operand {
	if n, ok := d.Int(); ok {
		return imm(n)
	}
	if t := d.Terms(); len(t) == 1 && t[0].Coef == 1 && len(t[0].Atoms) == 1 {
		return g.atom(t[0].Atoms[0])
	}
	return g.once(valueKey{text: "dim " + d.String()}, dependence{}, func() operand {
		sum := g.newReg(gp)
		g.emit("MOVQ", imm(0), sum.op())
		for _, t := range d.Terms() {
			if len(t.Atoms) == 0 {
				g.addImmediate(t.Coef, sum)
				continue
			}
			p := g.newReg(gp)
			g.emit("MOVQ", g.atom(t.Atoms[0]), p.op())
			for _, a := range t.Atoms[1:] {
				g.emitFlow(update, "IMULQ", g.atom(a), p.op())
			}
			g.scale(p, t.Coef)
			g.emitFlow(update, "ADDQ", p.op(), sum.op())
		}
		return sum.op()
	})
}

func (g *generator) atom(a dim.Atom) operand {
	if a.Name != "" {
		return g.argument("d " + a.Name)
	}
	key := valueKey{text: fmt.Sprintf("floor %s / %s", a.Num, a.Den)}
	return g.once(key, dependence{}, func() operand { return g.floorOf(a) })
}

func (g *generator) floorOf(a dim.Atom) operand {
	q, r := g.newReg(gp), g.newReg(gp)
	if n, ok := a.Den.Int(); ok && n > 0 && n&(n-1) == 0 {
		g.emit("MOVQ", g.dimension(a.Num), q.op())
		g.emitFlow(update, "SARQ", imm(log2(n)), q.op())
		return q.op()
	}
	g.emitFlow(divide, "FLOOR", g.inRegister(g.dimension(a.Num)), g.dimension(a.Den), q.op(), r.op())
	return q.op()
}

// argument loads an integer or pointer argument.
func (g *generator) argument(name string) operand {
	return g.once(valueKey{text: "arg " + name}, dependence{}, func() operand {
		r := g.newReg(gp)
		g.emit("MOVQ", g.memory(name), r.op())
		return r.op()
	})
}

func (g *generator) memory(name string) operand {
	text, ok := g.params[name]
	if !ok {
		panic("simd: no argument " + name)
	}
	return operand{kind: memOperand, name: text}
}

func (g *generator) inRegister(o operand) operand {
	if o.kind == regOperand {
		return o
	}
	r := g.newReg(gp)
	g.emit("MOVQ", o, r.op())
	return r.op()
}

func (g *generator) addImmediate(n int64, r reg) {
	switch {
	case n == 0:
	case n == int64(int32(n)):
		g.emitFlow(update, "ADDQ", imm(n), r.op())
	default:
		g.emitFlow(update, "ADDQ", g.inRegister(imm(n)), r.op())
	}
}

// scale multiplies r by a constant.
func (g *generator) scale(r reg, n int64) {
	switch {
	case n == 1:
	case n > 0 && n&(n-1) == 0:
		k := int64(0)
		for 1<<k < n {
			k++
		}
		g.emitFlow(update, "SHLQ", imm(k), r.op())
	case n == int64(int32(n)):
		t := g.newReg(gp)
		g.emit("MOVQ", r.op(), t.op())
		g.emit("IMUL3Q", imm(n), t.op(), r.op())
	default:
		g.emitFlow(update, "IMULQ", g.inRegister(imm(n)), r.op())
	}
}

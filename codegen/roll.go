package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// This file finds the loops in a schedule. The steps of equal layers call equal
// kernels on tensors that are neighbours in arrays: stored tensors are because
// their names differ by a number, and scratch tensors become so here.

// stage is a step, or a loop over the steps of equal layers.
type stage struct {
	step  loop.Step // nil for a loop over layers
	moves []move    // of a call in a loop, one for each argument, then one for each scalar
	body  []stage   // of a loop
	span  span
	first int // the counter's first value
	step1 int // 1 or -1: what is added to the counter
}

// move says how an argument changes from one repetition of a loop to the next.
type move struct {
	by     int      // places in its array
	values []uint32 // of a scalar that is another constant in each repetition
}

// array is memory that becomes an array of slices.
type array struct {
	at    map[int]*loop.Buffer
	low   int    // the least place that is taken
	field string // once it has a name
}

// spot is a place in an array: of scratch memory, or of stored tensors by the
// field's name.
type spot struct {
	arr    *array
	stored string
	at     int
}

// roller turns the steps of a run into stages.
type roller struct {
	r     *run
	spots map[*loop.Buffer]spot
	calls map[loop.Step][]*loop.Call
}

// same reports whether two spots are in one array.
func (s spot) same(t spot) bool { return s.arr == t.arr && s.stored == t.stored }

// spotOf returns where a buffer is, false for one that is in no array yet.
func (ro *roller) spotOf(trial map[*loop.Buffer]spot, b *loop.Buffer) (spot, bool) {
	if s, ok := trial[b]; ok {
		return s, true
	}
	if s, ok := ro.spots[b]; ok {
		return s, true
	}
	if p, ok := ro.r.memory[b]; ok && p.at >= 0 && b.Kind == loop.Stored {
		return spot{stored: p.field, at: p.at}, true
	}
	return spot{}, false
}

// scratch reports whether a buffer may become an element of an array.
func (ro *roller) scratch(b *loop.Buffer) bool {
	_, known := ro.r.memory[b]
	return !known && b.Kind == loop.Temp
}

// roll cuts steps into straight pieces and loops.
func (ro *roller) roll(steps []loop.Step) []stage {
	keys := numbering[string]{}
	reps := &repeats{gain: 3}
	for i, s := range steps {
		reps.keys = append(reps.keys, keys.of(stepKey(s, i)))
	}
	reps.fit = func(sp span) int {
		n, _ := ro.fit(steps, sp)
		return n
	}
	loops := map[int]stage{}
	reps.take = func(sp span) {
		n, trial := ro.fit(steps, sp)
		if n != sp.items() {
			panic(fmt.Sprintf("codegen: a loop of %d steps has %d", sp.items(), n))
		}
		for b, s := range trial.spots { // a set
			ro.spots[b] = s
		}
		for _, b := range trial.order {
			if s := trial.spots[b]; s.arr != nil {
				s.arr.at[s.at] = b
				s.arr.low = min(s.arr.low, s.at)
			}
		}
		loops[sp.start] = ro.stage(steps, sp, trial)
	}
	var list []stage
	for _, sp := range reps.split() {
		if sp.loops() {
			list = append(list, loops[sp.start])
			continue
		}
		for _, s := range steps[sp.start:sp.end()] {
			list = append(list, single(s))
		}
	}
	return list
}

// stepKey is a text that steps share which a loop may hold as one: calls of one
// kernel with the same sizes, and loops over time of such calls. Metrics stand
// alone.
func stepKey(s loop.Step, i int) string {
	var key strings.Builder
	if !addKey(&key, s, nil) {
		return fmt.Sprint(i)
	}
	return key.String()
}

func addKey(key *strings.Builder, s loop.Step, around []*loop.For) bool {
	switch s := s.(type) {
	case *loop.For:
		fmt.Fprintf(key, "for %s %s {", s.Name, s.Extent)
		for _, inner := range s.Body {
			if !addKey(key, inner, append(slices.Clone(around), s)) {
				return false
			}
		}
		key.WriteString("}")
	case *loop.Call:
		fmt.Fprintf(key, "%p %v", s.Kernel, s.AfterLoss)
		for _, d := range s.Dims {
			fmt.Fprint(key, " ", d)
		}
		for _, l := range s.Counters {
			fmt.Fprint(key, " ", slices.Index(around, l))
		}
		for i, a := range s.Args {
			if a.At != nil {
				fmt.Fprint(key, " ", i, ":", slices.Index(around, a.At.Loop), a.At.Reverse, a.At.Offset)
			}
		}
		key.WriteString(";")
		return !s.Metric
	}
	return true
}

// callsOf are the calls of a step.
func callsOf(s loop.Step) []*loop.Call {
	switch s := s.(type) {
	case *loop.Call:
		return []*loop.Call{s}
	case *loop.For:
		var list []*loop.Call
		for _, inner := range s.Body {
			list = append(list, callsOf(inner)...)
		}
		return list
	}
	return nil
}

// trial is what a loop would add to the arrays.
type trial struct {
	spots map[*loop.Buffer]spot
	order []*loop.Buffer
	first int
	step1 int
}

// fit returns how many steps of a span one loop can hold: each argument is the
// same in all repetitions, or goes through an array in even steps.
func (ro *roller) fit(steps []loop.Step, sp span) (int, *trial) {
	for sp.loops() {
		t, bad := ro.attempt(steps, sp)
		if t != nil {
			return sp.items(), t
		}
		sp = loopOf(sp.start, sp.period, bad)
	}
	return sp.period, nil
}

// series is the buffers of an argument of step k, one for each repetition.
type series struct {
	k    int
	list []*loop.Buffer
}

// attempt places the arguments of a loop. It fails with the number of steps that
// may still do.
func (ro *roller) attempt(steps []loop.Step, sp span) (*trial, int) {
	t := &trial{spots: map[*loop.Buffer]spot{}, step1: 1}
	var open []series
	bad := sp.items()
	for k := range sp.period {
		calls := ro.repeated(steps, sp, k)
		for c := range calls[0] {
			for a := range calls[0][c].Args {
				s := series{k, make([]*loop.Buffer, len(calls))}
				for n := range s.list {
					s.list[n] = calls[n][c].Args[a].Buffer
				}
				moves, n := s.moves()
				if n > 0 {
					bad = min(bad, n*sp.period+k)
				}
				if moves {
					open = append(open, s)
				}
			}
			if n := sameScalars(calls, c); n > 0 {
				bad = min(bad, n*sp.period+k)
			}
		}
	}
	if bad < sp.items() {
		return nil, bad
	}
	ro.anchor(t, open)
	// Those that have a place decide on those that go with them; a series of its
	// own starts a new array when there is no other.
	for len(open) > 0 {
		i := slices.IndexFunc(open, func(s series) bool {
			return slices.ContainsFunc(s.list, func(b *loop.Buffer) bool { _, ok := ro.spotOf(t.spots, b); return ok })
		})
		if i < 0 {
			i = 0
		}
		if n := ro.place(t, open[i].list); n > 0 {
			return nil, n*sp.period + open[i].k
		}
		open = slices.Delete(open, i, i+1)
	}
	return t, 0
}

// repeated are the calls of step k in each repetition.
func (ro *roller) repeated(steps []loop.Step, sp span, k int) [][]*loop.Call {
	list := make([][]*loop.Call, sp.times(k))
	for n := range list {
		s := steps[sp.at(n, k)]
		if ro.calls[s] == nil {
			ro.calls[s] = callsOf(s)
		}
		list[n] = ro.calls[s]
	}
	return list
}

// moves reports whether a series changes. One that is neither constant nor
// always new fails.
func (s series) moves() (moves bool, bad int) {
	seen := map[*loop.Buffer]bool{s.list[0]: true}
	for n, b := range s.list[1:] {
		moves = moves || n == 0 && b != s.list[0]
		if moves && seen[b] || !moves && b != s.list[0] || b.DType != s.list[0].DType {
			return moves, n + 1
		}
		seen[b] = true
	}
	return moves, 0
}

// sameScalars checks the scalars of the c-th call in repetitions of a step: the
// same, or constants.
func sameScalars(calls [][]*loop.Call, c int) (bad int) {
	first := calls[0][c]
	for n := 1; n < len(calls); n++ {
		for i, s := range calls[n][c].Scalars {
			if s != first.Scalars[i] && !(isWord(s) && isWord(first.Scalars[i])) {
				return n
			}
		}
	}
	return 0
}

// isWord reports whether a scalar is a constant word, such as a random key.
func isWord(s *loop.Scalar) bool {
	return s.DType == dim.Uint32 && s.Expr != nil && s.Expr.Op == scalar.Const
}

// anchor lets the counter run with the places of stored tensors, or else of
// scratch ones that have a place.
func (ro *roller) anchor(t *trial, open []series) {
	for _, stored := range []bool{true, false} {
		for _, s := range open {
			x, ok := ro.spotOf(nil, s.list[0])
			y, ok2 := ro.spotOf(nil, s.list[1])
			if d := y.at - x.at; ok && ok2 && x.same(y) && (d == 1 || d == -1) && (x.stored != "") == stored {
				t.first, t.step1 = x.at, d
				return
			}
		}
	}
}

// place gives the buffers of a series places in even steps in one array.
func (ro *roller) place(t *trial, s []*loop.Buffer) (bad int) {
	var known []int
	for n, b := range s {
		if _, ok := ro.spotOf(t.spots, b); ok {
			known = append(known, n)
		} else if !ro.scratch(b) {
			return max(n, 1)
		}
	}
	to, by := spot{arr: &array{at: map[int]*loop.Buffer{}, low: 1 << 30}, at: t.first}, t.step1
	if len(known) > 0 {
		to, _ = ro.spotOf(t.spots, s[known[0]])
		if len(known) > 1 {
			next, _ := ro.spotOf(t.spots, s[known[1]])
			steps := known[1] - known[0]
			if by = (next.at - to.at) / steps; by*steps != next.at-to.at || by == 0 {
				return known[1]
			}
		}
		to.at -= by * known[0]
	}
	for n, b := range s {
		want := to
		want.at += by * n
		have, ok := ro.spotOf(t.spots, b)
		switch {
		case ok && (have != want):
			return max(n, 1)
		case !ok && (want.stored != "" || ro.taken(t, want) || !ro.fitsIn(t, want, b)):
			return max(n, 1)
		case !ok:
			t.spots[b] = want
			t.order = append(t.order, b)
		}
	}
	return 0
}

// taken reports whether a buffer has a spot.
func (ro *roller) taken(t *trial, s spot) bool {
	if s.arr.at[s.at] != nil {
		return true
	}
	for _, b := range t.order {
		if t.spots[b] == s {
			return true
		}
	}
	return false
}

// fitsIn reports whether a buffer is like the others of an array.
func (ro *roller) fitsIn(t *trial, s spot, b *loop.Buffer) bool {
	like := func(o *loop.Buffer) bool {
		return o.DType == b.DType && shapeText(o.Shape, o.Layout) == shapeText(b.Shape, b.Layout)
	}
	for _, o := range s.arr.at { // any
		return like(o)
	}
	for _, o := range t.order {
		if t.spots[o].arr == s.arr {
			return like(o)
		}
	}
	return true
}

// stage makes the loop of a span.
func (ro *roller) stage(steps []loop.Step, sp span, t *trial) stage {
	st := stage{span: sp, first: t.first, step1: t.step1}
	for k := range sp.period {
		calls := ro.repeated(steps, sp, k)
		c := 0
		st.body = append(st.body, ro.repeat(steps[sp.at(0, k)], calls, &c))
	}
	return st
}

// repeat is a step in a loop, whose next call is the c-th of the step.
func (ro *roller) repeat(s loop.Step, calls [][]*loop.Call, c *int) stage {
	if l, ok := s.(*loop.For); ok {
		st := stage{step: l}
		for _, inner := range l.Body {
			st.body = append(st.body, ro.repeat(inner, calls, c))
		}
		return st
	}
	in := stage{step: s}
	first, second := calls[0][*c], calls[min(1, len(calls)-1)][*c]
	for a := range first.Args {
		m := move{}
		if first.Args[a].Buffer != second.Args[a].Buffer {
			x, _ := ro.spotOf(nil, first.Args[a].Buffer)
			y, _ := ro.spotOf(nil, second.Args[a].Buffer)
			m.by = y.at - x.at
		}
		in.moves = append(in.moves, m)
	}
	for i := range first.Scalars {
		m := move{}
		for _, list := range calls {
			if s := list[*c].Scalars[i]; isWord(s) {
				m.values = append(m.values, uint32(s.Expr.Value))
			}
		}
		if len(m.values) > 0 && !slices.ContainsFunc(m.values, func(v uint32) bool { return v != m.values[0] }) {
			m.values = nil
		}
		in.moves = append(in.moves, m)
	}
	*c++
	return in
}

// single is a step that no loop over layers holds.
func single(s loop.Step) stage {
	st := stage{step: s}
	if l, ok := s.(*loop.For); ok {
		for _, inner := range l.Body {
			st.body = append(st.body, single(inner))
		}
	}
	return st
}

// leaves counts the steps that are written.
func leaves(list []stage) (n int) {
	for _, s := range list {
		n += max(1, len(s.body))
	}
	return n
}

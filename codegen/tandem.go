package codegen

import (
	"cmp"
	"slices"
)

// span is a piece of a sequence: count repetitions of period items, and the first
// rest items of one more. Items that do not repeat are one repetition.
type span struct{ start, period, count, rest int }

func (s span) items() int { return s.period*s.count + s.rest }

func (s span) end() int { return s.start + s.items() }

// loops reports whether a span is a loop.
func (s span) loops() bool { return s.items() > s.period }

// times is how often item k occurs.
func (s span) times(k int) int {
	if k < s.rest {
		return s.count + 1
	}
	return s.count
}

// at is where item k of repetition n is in the sequence.
func (s span) at(n, k int) int { return s.start + n*s.period + k }

// saves is the number of items that a loop saves; leaving one early costs one.
func (s span) saves() int {
	if s.rest > 0 {
		return s.items() - s.period - 1
	}
	return s.items() - s.period
}

// repeats finds what can be written as a loop in a sequence of items with equal
// keys.
type repeats struct {
	keys []int
	// fit returns how many items of a span a loop can hold, at least its period.
	fit func(span) int
	// whole asks for loops whose last repetition is complete.
	whole bool
	// take is told of a loop before others are looked for; it may be nil.
	take func(span)
	gain int // items that a loop must save
	list []span
}

// split cuts the sequence, the loops that save most first.
func (r *repeats) split() []span {
	r.cut(0, len(r.keys))
	return r.list
}

func (r *repeats) cut(lo, hi int) {
	best := r.best(lo, hi)
	if best.count == 0 {
		if lo < hi {
			r.list = append(r.list, span{lo, hi - lo, 1, 0})
		}
		return
	}
	if r.take != nil {
		r.take(best)
	}
	r.cut(lo, best.start)
	r.list = append(r.list, best)
	r.cut(best.end(), hi)
}

// best returns the loop that saves most, one of count 0 for none.
func (r *repeats) best(lo, hi int) (best span) {
	type run struct{ start, period, size, saves int }
	var runs []run
	for p := 1; p <= (hi-lo)*2/3; p++ {
		size := 0
		for i := lo; i+p <= hi; i++ {
			if i+p < hi && r.keys[i] == r.keys[i+p] {
				size++
				continue
			}
			if s := r.span(i-size, p, size+p); s.saves() >= r.gain {
				runs = append(runs, run{i - size, p, size, s.saves()})
			}
			size = 0
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(b.saves, a.saves) })
	saved := r.gain - 1
	for _, c := range runs {
		if c.saves <= saved {
			break
		}
		for first := c.start; first < c.start+c.period; first++ {
			for start := first; ; {
				s := r.span(start, c.period, c.start+c.size+c.period-start)
				if s.saves() <= saved {
					break
				}
				s = r.span(start, c.period, r.fit(s))
				if s.saves() > saved {
					best, saved = s, s.saves()
				}
				start += s.count * c.period
			}
		}
	}
	return best
}

// span is a loop of at most so many items.
func (r *repeats) span(start, period, items int) span {
	if r.whole {
		items = items / period * period
	}
	return loopOf(start, period, items)
}

// loopOf is a span without an incomplete repetition that is not worth it: one of a
// single item, or a small piece of what occurs but once.
func loopOf(start, period, items int) span {
	s := span{start, period, items / period, items % period}
	if s.rest == 1 || s.count == 1 && 2*s.rest < period {
		s.rest = 0
	}
	return s
}

// numbering gives equal values equal small numbers.
type numbering[T comparable] map[T]int

func (n numbering[T]) of(v T) int {
	k, ok := n[v]
	if !ok {
		k = len(n)
		n[v] = k
	}
	return k
}

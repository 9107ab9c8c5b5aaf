package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// plan gives every temporary and output a slot of the function's arena. Two
// buffers share a slot when they are never live together and one's size is
// known to cover the other's. An output lives to the end of the call.
func plan(p *loop.Program) error {
	for _, f := range p.Funcs {
		planFunc(f)
		for _, m := range f.Metrics {
			if m.Finish != nil {
				planFunc(m.Finish)
			}
		}
	}
	return nil
}

// planned is a slot in the making.
type planned struct {
	bytes dim.Dim // the largest size so far
	until int     // the last step that its present buffer is needed in
	slot  loop.Slot
}

func planFunc(f *loop.Func) {
	live := loop.Lifetimes(f)
	var slots []*planned
	for _, b := range byFirstUse(f, live) {
		size := b.Size().Mul(dim.Const(int64(b.DType.Size())))
		best := -1
		for n, s := range slots {
			if s.until < live[b].First && (covers(s.bytes, size) || covers(size, s.bytes)) {
				if best < 0 || closer(s.bytes, slots[best].bytes, size) {
					best = n
				}
			}
		}
		if best < 0 {
			best = len(slots)
			slots = append(slots, &planned{bytes: size})
		}
		s := slots[best]
		if covers(size, s.bytes) {
			s.bytes = size
		}
		s.until = live[b].Last
		b.Slot = best
		if z := (loop.SlotSize{Elements: b.Size(), DType: b.DType}); !slices.ContainsFunc(s.slot.Sizes, func(y loop.SlotSize) bool {
			return y.DType == z.DType && y.Elements.Equal(z.Elements)
		}) {
			s.slot.Sizes = append(s.slot.Sizes, z)
		}
	}
	f.Slots = nil
	for _, s := range slots {
		f.Slots = append(f.Slots, s.slot)
	}
}

// byFirstUse lists the buffers that need a slot in order of their first use.
func byFirstUse(f *loop.Func, live map[*loop.Buffer]loop.Lifetime) []*loop.Buffer {
	var out []*loop.Buffer
	for _, b := range f.Buffers {
		if b.Kind == loop.Temp || b.Kind == loop.Output {
			out = append(out, b)
		}
	}
	slices.SortStableFunc(out, func(x, y *loop.Buffer) int { return live[x].First - live[y].First })
	return out
}

// covers reports whether size a is known to be b or more.
func covers(a, b dim.Dim) bool {
	n, ok := a.Sub(b).Min()
	return ok && n >= 0
}

// closer reports whether a wastes less than b for a buffer of the given size:
// the smallest that covers it, else the largest.
func closer(a, b, size dim.Dim) bool {
	switch {
	case covers(a, size) && covers(b, size):
		return covers(b, a) && !a.Equal(b)
	case covers(a, size) != covers(b, size):
		return covers(a, size)
	}
	return covers(a, b) && !a.Equal(b)
}

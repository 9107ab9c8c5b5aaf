package loop

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
)

// funcCheck is the state of checking one function.
type funcCheck struct {
	f       *Func
	known   map[*Buffer]bool
	written map[*Buffer]bool
	loops   []*For
}

func verifyFunc(f *Func) error {
	c := &funcCheck{f: f, known: map[*Buffer]bool{}, written: map[*Buffer]bool{}}
	ids := map[int]bool{}
	for _, b := range slices.Concat(f.Inputs, f.Buffers) {
		if ids[b.ID] {
			return fmt.Errorf("buffer b%d twice", b.ID)
		}
		ids[b.ID] = true
		c.known[b] = true
		if (b.Kind == Input) != slices.Contains(f.Inputs, b) {
			return fmt.Errorf("buffer %s: inputs and only they are of kind input", b.Name)
		}
		if (b.Kind == Stored) != (b.Var != nil) {
			return fmt.Errorf("buffer %s: stored tensors and only they have a var", b.Name)
		}
		c.written[b] = b.Kind == Input || b.Kind == Stored || b.Kind == Table
	}
	if err := c.steps(f.Body); err != nil {
		return err
	}
	for _, o := range f.Outputs {
		if !c.known[o.Buffer] || !c.written[o.Buffer] {
			return fmt.Errorf("output %s is not computed", o.Name)
		}
	}
	return c.slots()
}

func (c *funcCheck) steps(body []Step) error {
	for _, s := range body {
		switch s := s.(type) {
		case *Call:
			if err := c.call(s); err != nil {
				return fmt.Errorf("call of %s: %w", s.Kernel.Name, err)
			}
		case *For:
			c.loops = append(c.loops, s)
			if err := c.steps(s.Body); err != nil {
				return err
			}
			c.loops = c.loops[:len(c.loops)-1]
		}
	}
	return nil
}

func (c *funcCheck) call(s *Call) error {
	k := s.Kernel
	switch {
	case len(s.Args) != len(k.Params):
		return fmt.Errorf("%d arguments for %d parameters", len(s.Args), len(k.Params))
	case len(s.Dims) != len(k.Dims):
		return fmt.Errorf("%d sizes for %d", len(s.Dims), len(k.Dims))
	case len(s.Scalars) != len(k.Scalars):
		return fmt.Errorf("%d scalars for %d", len(s.Scalars), len(k.Scalars))
	case len(s.Counters) != len(k.Counters):
		return fmt.Errorf("%d counters for %d", len(s.Counters), len(k.Counters))
	}
	sizes := map[string]dim.Dim{}
	for n, d := range s.Dims {
		sizes[k.Dims[n]] = d
	}
	for n, v := range s.Scalars {
		if v.DType != k.Scalars[n].DType {
			return fmt.Errorf("scalar %s is %s, want %s", v.Name, v.DType, k.Scalars[n].DType)
		}
	}
	for _, l := range s.Counters {
		if !slices.Contains(c.loops, l) {
			return fmt.Errorf("counter of a loop that is not around it")
		}
	}
	for n, a := range s.Args {
		if err := c.arg(a, k.Params[n], sizes); err != nil {
			return fmt.Errorf("argument %s: %w", k.Params[n].Name, err)
		}
	}
	for n, a := range s.Args { // after all reads
		if !k.Params[n].Write {
			continue
		}
		c.written[a.Buffer] = true
		for m, other := range s.Args {
			if m != n && other.Buffer == a.Buffer && sameSlice(a.At, other.At) {
				return fmt.Errorf("parameters %s and %s are the same memory, which is written", k.Params[n].Name, k.Params[m].Name)
			}
		}
	}
	return nil
}

// sameSlice reports whether two arguments of one buffer may overlap: they do
// unless both are slices at different offsets of one walk.
func sameSlice(a, b *Index) bool {
	if a == nil || b == nil {
		return true
	}
	return a.Loop != b.Loop || a.Reverse != b.Reverse || a.Offset == b.Offset
}

func (c *funcCheck) arg(a Arg, p *Param, sizes map[string]dim.Dim) error {
	b := a.Buffer
	switch {
	case !c.known[b]:
		return fmt.Errorf("buffer %s is not listed", b.Name)
	case b.DType != p.DType:
		return fmt.Errorf("buffer %s is %s, want %s", b.Name, b.DType, p.DType)
	case p.Read && !c.written[b]:
		return fmt.Errorf("buffer %s is read before it is written", b.Name)
	case p.Write && (b.Kind == Input || b.Kind == Table):
		return fmt.Errorf("buffer %s is written, which its kind forbids", b.Name)
	}
	have := b.Shape
	if a.At != nil {
		if b.Layout != nil || len(have) == 0 {
			return fmt.Errorf("a slice of buffer %s", b.Name)
		}
		if !slices.Contains(c.loops, a.At.Loop) {
			return fmt.Errorf("the slice's loop is not around it")
		}
		have = have[1:]
	}
	want := make([]dim.Dim, len(p.Shape))
	for n, d := range p.Shape {
		want[n] = d.Subst(sizes)
	}
	return sameMemory("buffer "+b.Name, have, want, b.Layout, p.Layout)
}

// sameMemory requires that memory of one shape and layout can be seen in another.
func sameMemory(name string, have, want []dim.Dim, l, m *Layout) error {
	if l != nil || m != nil {
		if l == nil || m == nil || !sameLayout(*l, *m) || !dim.EqualShapes(have, want) {
			return fmt.Errorf("%s has another layout", name)
		}
		return nil
	}
	if !dim.Product(have).Equal(dim.Product(want)) {
		return fmt.Errorf("%s has %s elements, want %s", name, dim.Product(have), dim.Product(want))
	}
	return nil
}

func sameLayout(a, b Layout) bool {
	return a.Lane == b.Lane && a.Width == b.Width && slices.Equal(a.Rest, b.Rest)
}

// slots requires that buffers which share a slot are never live together.
func (c *funcCheck) slots() error {
	live := Lifetimes(c.f)
	bySlot := map[int][]*Buffer{}
	for _, b := range c.f.Buffers {
		if b.Slot < 0 {
			continue
		}
		if b.Slot >= len(c.f.Slots) {
			return fmt.Errorf("buffer %s is in slot %d of %d", b.Name, b.Slot, len(c.f.Slots))
		}
		for _, other := range bySlot[b.Slot] {
			if x, y := live[b], live[other]; x.First <= y.Last && y.First <= x.Last {
				return fmt.Errorf("buffers %s and %s share slot %d and are live together", b.Name, other.Name, b.Slot)
			}
		}
		bySlot[b.Slot] = append(bySlot[b.Slot], b)
	}
	return nil
}

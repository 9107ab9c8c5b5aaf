package loop

// Lifetime is the span of steps of a Func's body, by position, in which a
// buffer's contents matter.
type Lifetime struct{ First, Last int }

// Lifetimes returns the lifetime of every buffer that f's calls use. What is
// used inside a For lives for the whole outermost loop, whose iterations may
// hand it on; an output lives to the end.
func Lifetimes(f *Func) map[*Buffer]Lifetime {
	live := map[*Buffer]Lifetime{}
	use := func(b *Buffer, first, last int) {
		l, ok := live[b]
		if !ok {
			l = Lifetime{first, last}
		}
		live[b] = Lifetime{min(l.First, first), max(l.Last, last)}
	}
	for at, s := range f.Body {
		for _, c := range callsOf(s) {
			for _, a := range c.Args {
				use(a.Buffer, at, at)
			}
		}
	}
	for _, o := range f.Outputs {
		use(o.Buffer, len(f.Body), len(f.Body))
	}
	return live
}

// callsOf lists the calls of a step and of the steps inside it.
func callsOf(s Step) []*Call {
	switch s := s.(type) {
	case *Call:
		return []*Call{s}
	case *For:
		var out []*Call
		for _, inner := range s.Body {
			out = append(out, callsOf(inner)...)
		}
		return out
	}
	return nil
}

// Calls lists the calls of a function in order, those inside loops once.
func Calls(f *Func) []*Call {
	var out []*Call
	for _, s := range f.Body {
		out = append(out, callsOf(s)...)
	}
	return out
}

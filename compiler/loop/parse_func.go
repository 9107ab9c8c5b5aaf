package loop

import (
	"strconv"
	"strings"
)

// funcScope names what the steps of a function refer to.
type funcScope struct {
	buffers map[int]*Buffer
	scalars map[string]int // positions in Func.Scalars
	loops   map[string]*For
}

func (p *parser) fn() *Func {
	f := &Func{Name: p.word(), Kind: p.word()}
	p.expect("{")
	f.Doc = p.optDoc()
	if p.accept("dims") {
		f.Dims = p.words()
	}
	sc := &funcScope{buffers: map[int]*Buffer{}, scalars: map[string]int{}, loops: map[string]*For{}}
	for p.accept("check") {
		f.Checks = append(f.Checks, Check{Cond: p.scalarExpr(), Message: p.str()})
	}
	for p.accept("scalar") {
		s := Scalar{Name: p.word(), DType: p.dtype()}
		if p.accept("=") {
			s.Expr = p.scalarExpr()
		}
		sc.scalars[s.Name] = len(f.Scalars)
		f.Scalars = append(f.Scalars, s)
	}
	for p.accept("buffer") {
		b := p.buffer()
		sc.buffers[b.ID] = b
		if b.Kind == Input {
			f.Inputs = append(f.Inputs, b)
		} else {
			f.Buffers = append(f.Buffers, b)
		}
	}
	for p.accept("slot") {
		var s Slot
		p.list(func() { s.Sizes = append(s.Sizes, SlotSize{p.dim(), p.dtype()}) })
		f.Slots = append(f.Slots, s)
	}
	f.Body = p.steps(f, sc)
	for p.accept("output") {
		name := p.str()
		p.expect("=")
		f.Outputs = append(f.Outputs, NamedBuffer{name, p.bufferRef(sc)})
	}
	for p.accept("metric") {
		m := Metric{Name: p.str(), Output: p.int()}
		p.list(func() { m.States = append(m.States, p.varRef()) })
		if p.accept("finish") {
			m.Finish = p.fn()
		}
		f.Metrics = append(f.Metrics, m)
	}
	p.expect("}")
	return f
}

func (p *parser) varRef() *Var {
	name := p.str()
	v := p.vars[name]
	if v == nil {
		p.fail("unknown var %q", name)
	}
	return v
}

func (p *parser) bufferID() int {
	w := p.word()
	n, err := strconv.Atoi(w[1:])
	if w[0] != 'b' || err != nil {
		p.fail("want a buffer, have %q", w)
	}
	return n
}

func (p *parser) bufferRef(sc *funcScope) *Buffer {
	n := p.bufferID()
	b := sc.buffers[n]
	if b == nil {
		p.fail("unknown buffer b%d", n)
	}
	return b
}

func (p *parser) buffer() *Buffer {
	b := &Buffer{ID: p.bufferID(), Name: p.word(), Kind: BufferKind(indexOf(p, bufferNames[:], "kind of buffer")), Slot: -1}
	b.DType, b.Shape, b.Layout = p.tensor()
	if p.accept("var") {
		b.Var = p.varRef()
	}
	// A line of its own, "slot (...)", may follow a buffer that has none.
	if p.tok == "slot" && !strings.HasPrefix(strings.TrimLeft(p.text[p.pos:], " "), "(") {
		p.next()
		b.Slot = p.int()
	}
	if p.accept("data") {
		b.Data = []uint32{}
		p.list(func() {
			n, err := strconv.ParseUint(p.tok, 10, 32)
			if err != nil {
				p.fail("want a word of 32 bits, have %q", p.tok)
			}
			p.next()
			b.Data = append(b.Data, uint32(n))
		})
	}
	b.Origin = p.origin()
	return b
}

func (p *parser) steps(f *Func, sc *funcScope) (body []Step) {
	for {
		switch {
		case p.accept("call"):
			body = append(body, p.call(f, sc))
		case p.accept("for"):
			l := &For{}
			sc.loops[p.word()] = l
			l.Name = p.word()
			p.expect("<")
			l.Extent = p.dim()
			l.Origin = p.origin()
			p.expect("{")
			l.Body = p.steps(f, sc)
			p.expect("}")
			body = append(body, l)
		default:
			return body
		}
	}
}

func (p *parser) call(f *Func, sc *funcScope) *Call {
	name := p.word()
	c := &Call{Kernel: p.kernels[name]}
	if c.Kernel == nil {
		p.fail("unknown kernel %q", name)
	}
	p.list(func() {
		p.word() // the parameter's name, for readers
		p.expect("=")
		c.Args = append(c.Args, p.arg(sc))
	})
	if p.accept("dims") {
		p.list(func() { c.Dims = append(c.Dims, p.dim()) })
	}
	if p.accept("scalars") {
		p.list(func() {
			i, ok := sc.scalars[p.tok]
			if !ok {
				p.fail("unknown scalar %q", p.tok)
			}
			p.next()
			c.Scalars = append(c.Scalars, &f.Scalars[i])
		})
	}
	if p.accept("counters") {
		p.list(func() { c.Counters = append(c.Counters, p.loopRef(sc)) })
	}
	c.Metric, c.AfterLoss = p.accept("metric"), p.accept("after_loss")
	c.Origin = p.origin()
	return c
}

func (p *parser) loopRef(sc *funcScope) *For {
	l := sc.loops[p.tok]
	if l == nil {
		p.fail("unknown loop %q", p.tok)
	}
	p.next()
	return l
}

func (p *parser) arg(sc *funcScope) Arg {
	a := Arg{Buffer: p.bufferRef(sc)}
	if !p.accept("[") {
		return a
	}
	a.At = &Index{Reverse: p.accept("-")}
	a.At.Loop = p.loopRef(sc)
	switch {
	case p.accept("+"):
		a.At.Offset = int64(p.int())
	case p.tok == "-":
		a.At.Offset = int64(p.int())
	}
	p.expect("]")
	return a
}

package loop

import (
	"fmt"
	"strconv"
	"strings"
)

func (w *printer) fn(word string, f *Func) {
	w.line("%s %s %s {", word, f.Name, f.Kind)
	w.depth++
	w.doc(f.Doc)
	if len(f.Dims) > 0 {
		w.line("dims %s", strings.Join(f.Dims, ", "))
	}
	for _, c := range f.Checks {
		w.line("check %s %s", c.Cond, strconv.Quote(c.Message))
	}
	for i := range f.Scalars {
		s := &f.Scalars[i]
		if s.Expr == nil {
			w.line("scalar %s %s", s.Name, s.DType.Short())
			continue
		}
		w.line("scalar %s %s = %s", s.Name, s.DType.Short(), s.Expr)
	}
	for _, b := range f.Inputs {
		w.buffer(b)
	}
	for _, b := range f.Buffers {
		w.buffer(b)
	}
	for _, s := range f.Slots {
		parts := make([]string, len(s.Sizes))
		for i, z := range s.Sizes {
			parts[i] = z.Elements.String() + " " + z.DType.Short()
		}
		w.line("slot (%s)", strings.Join(parts, ", "))
	}
	w.steps(f.Body, map[*For]string{})
	for _, o := range f.Outputs {
		w.line("output %s = b%d", strconv.Quote(o.Name), o.Buffer.ID)
	}
	for _, m := range f.Metrics {
		w.metric(m)
	}
	w.depth--
	w.line("}")
}

func (w *printer) metric(m Metric) {
	states := make([]string, len(m.States))
	for i, v := range m.States {
		states[i] = strconv.Quote(v.Name)
	}
	head := fmt.Sprintf("metric %s %d (%s)", strconv.Quote(m.Name), m.Output, strings.Join(states, ", "))
	if m.Finish == nil {
		w.line("%s", head)
		return
	}
	w.line("%s", head)
	w.fn("finish", m.Finish)
}

func (w *printer) buffer(b *Buffer) {
	s := fmt.Sprintf("buffer b%d %s %s %s", b.ID, b.Name, b.Kind, typeText(b.DType, b.Shape, b.Layout))
	if b.Var != nil {
		s += " var " + strconv.Quote(b.Var.Name)
	}
	if b.Slot >= 0 {
		s += fmt.Sprintf(" slot %d", b.Slot)
	}
	if b.Data != nil {
		words := make([]string, len(b.Data))
		for i, v := range b.Data {
			words[i] = strconv.FormatUint(uint64(v), 10)
		}
		s += " data (" + strings.Join(words, ", ") + ")"
	}
	if o := b.Origin; o != (Origin{}) {
		s += fmt.Sprintf(" origin %d %s %s", o.Line, strconv.Quote(o.File), strconv.Quote(o.Label))
	}
	w.line("%s", s)
}

func (w *printer) steps(body []Step, loops map[*For]string) {
	for _, s := range body {
		switch s := s.(type) {
		case *Call:
			w.call(s, loops)
		case *For:
			name := fmt.Sprintf("l%d", len(loops)+1)
			loops[s] = name
			head := fmt.Sprintf("for %s %s < %s", name, s.Name, s.Extent)
			if o := s.Origin; o != (Origin{}) {
				head += fmt.Sprintf(" origin %d %s %s", o.Line, strconv.Quote(o.File), strconv.Quote(o.Label))
			}
			w.line("%s {", head)
			w.depth++
			w.steps(s.Body, loops)
			w.depth--
			w.line("}")
		}
	}
}

func (w *printer) call(c *Call, loops map[*For]string) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = c.Kernel.Params[i].Name + " = b" + strconv.Itoa(a.Buffer.ID)
		if a.At != nil {
			at := loops[a.At.Loop]
			if a.At.Reverse {
				at = "-" + at
			}
			if a.At.Offset != 0 {
				at += fmt.Sprintf("%+d", a.At.Offset)
			}
			parts[i] += "[" + at + "]"
		}
	}
	s := fmt.Sprintf("call %s(%s)", c.Kernel.Name, strings.Join(parts, ", "))
	if len(c.Dims) > 0 {
		s += " dims (" + dimsText(c.Dims) + ")"
	}
	if len(c.Scalars) > 0 {
		names := make([]string, len(c.Scalars))
		for i, v := range c.Scalars {
			names[i] = v.Name
		}
		s += " scalars (" + strings.Join(names, ", ") + ")"
	}
	if len(c.Counters) > 0 {
		names := make([]string, len(c.Counters))
		for i, l := range c.Counters {
			names[i] = loops[l]
		}
		s += " counters (" + strings.Join(names, ", ") + ")"
	}
	if c.Metric {
		s += " metric"
	}
	if c.AfterLoss {
		s += " after_loss"
	}
	if o := c.Origin; o != (Origin{}) {
		s += fmt.Sprintf(" origin %d %s %s", o.Line, strconv.Quote(o.File), strconv.Quote(o.Label))
	}
	w.line("%s", s)
}

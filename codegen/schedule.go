package codegen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// printStages writes stages, with short names for the owners of stored tensors.
func (r *run) printStages(b *body, list []stage) {
	p := &schedule{r: r, owners: map[string]bool{}, names: newNames(r.g.pkg), back: map[*loop.For]expr{}, noted: map[loop.Origin]bool{}}
	p.names.used["r"], p.names.used["i"] = "r", "i"
	for _, o := range shortNames {
		p.names.used[o.short] = o.short
	}
	n := &body{}
	p.stages(n, list)
	for _, o := range shortNames {
		if p.owners[o.long] {
			b.define(o.short, id(o.long))
		}
	}
	b.count += n.count
	b.list = append(b.list, n.list...)
}

// shortNames are the locals for the workers and for the owners of stored tensors.
var shortNames = [...]struct{ long, short string }{{"r.cores", "c"}, {"r.model", "m"}, {"r.trainer", "t"}, {"r.session", "s"}}

// schedule writes the calls of a method.
type schedule struct {
	r      *run
	owners map[string]bool // those that were met
	loop   *stage          // the one around the call that is being written
	names  *names
	back   map[*loop.For]expr // positions from the end
	noted  map[loop.Origin]bool
}

// stages writes calls and loops, each under the model line that it begins.
func (p *schedule) stages(b *body, list []stage) {
	var last loop.Origin
	for i := 0; i < len(list); i++ {
		if list[i].step == nil {
			p.repeat(b, &list[i])
			last = loop.Origin{}
			continue
		}
		switch s := list[i].step.(type) {
		case *loop.Call:
			if !s.Metric {
				p.note(b, s.Origin, &last)
				p.call(b, s, list[i].moves)
				continue
			}
			j := i
			for j < len(list) && isMetric(list[j].step) {
				j++
			}
			b.when(id("r.report"), func(b *body) {
				for _, m := range list[i:j] {
					p.call(b, m.step.(*loop.Call), nil)
				}
			})
			i = j - 1
		case *loop.For:
			p.note(b, s.Origin, &last)
			p.overTime(b, s, list[i].body)
		}
	}
}

// overTime writes a loop over the positions of an axis.
func (p *schedule) overTime(b *body, l *loop.For, list []stage) {
	n := dimExpr(l.Extent, p.r.dims)
	name := p.names.local(l.Name)
	p.r.loops[l] = id(name)
	defer p.names.free(name)
	at := func(reverse bool) bool {
		return slices.ContainsFunc(callsOf(l), func(c *loop.Call) bool {
			return slices.Contains(c.Counters, l) && !reverse ||
				slices.ContainsFunc(c.Args, func(a loop.Arg) bool { return a.At != nil && a.At.Loop == l && a.At.Reverse == reverse })
		})
	}
	c := &counter{name: name, used: at(false) || at(true)}
	b.forCounter(c, n, func(b *body) {
		if at(true) {
			back := p.names.local("back")
			defer p.names.free(back)
			p.back[l] = b.define(back, bin("-", bin("-", n, num(1)), id(name)))
		}
		p.stages(b, list)
	})
}

// repeat writes a loop over equal layers.
func (p *schedule) repeat(b *body, s *stage) {
	b.forLayers("i", s.first, s.step1, s.span, func(b *body, from, to int) {
		p.loop = s
		p.stages(b, s.body[from:to])
		p.loop = nil
	})
}

func isMetric(s loop.Step) bool {
	c, ok := s.(*loop.Call)
	return ok && c.Metric
}

// note names the model line of what follows. A layer's arguments are written
// where the method meets it first.
func (p *schedule) note(b *body, o loop.Origin, last *loop.Origin) {
	if o.Line == 0 || o == *last {
		return
	}
	*last = o
	text := oneLine(o.Label)
	if name, _, ok := strings.Cut(text, "("); ok && p.noted[o] && layerLabel.MatchString(name) {
		text = name
	}
	p.noted[o] = true
	b.comment(fmt.Sprintf("%s:%d  %s", oneLine(o.File), o.Line, text))
}

// layerLabel is what stands before the arguments of a layer: "conv1: conv2d".
var layerLabel = regexp.MustCompile(`^[\w.\[\]]+: [\w.]+$`)

// shared reports whether workers share the items of a call.
func (r *run) shared(c *loop.Call) bool {
	return len(c.Kernel.Parts) > 0 || r.g.plans[c.Kernel].worker
}

// call runs a kernel: as items for the workers, or at once when it is one.
func (p *schedule) call(b *body, c *loop.Call, moves []move) {
	r := p.r
	pl, args := r.g.plans[c.Kernel], p.args(c, moves)
	switch t := r.g.tasks[c.Kernel]; {
	case len(c.Kernel.Parts) > 0:
		b.do(call(id(r.runs[c.Kernel].path()+".run"), append([]expr{p.cores()}, args...)...))
		return
	case r.shared(c):
		b.do(call(id(t.kernel+".Run"), p.cores(), composite(t.args, elems(args...)...)))
		return
	}
	b.do(call(id(pl.function), append(args, pl.values[c.Kernel]...)...))
}

// cores are the workers of the run.
func (p *schedule) cores() expr {
	p.owners["r.cores"] = true
	return id("c")
}

// args are a call's arguments in the order of the kernel's signature.
func (p *schedule) args(c *loop.Call, moves []move) []expr {
	r := p.r
	var args []expr
	for i, a := range c.Args {
		by := 0
		if moves != nil {
			by = moves[i].by
		}
		args = append(args, p.view(a, by))
	}
	for _, d := range c.Dims {
		args = append(args, dimExpr(d, r.dims))
	}
	for i, sc := range c.Scalars {
		if moves != nil && moves[len(c.Args)+i].values != nil {
			args = append(args, p.table(moves[len(c.Args)+i].values))
			continue
		}
		args = append(args, r.args[sc])
	}
	for _, l := range c.Counters {
		args = append(args, r.loops[l])
	}
	return args
}

// table is a constant that differs from one repetition of the loop to the next.
func (p *schedule) table(values []uint32) expr {
	var list []expr
	for _, v := range values {
		list = append(list, num(int64(v)))
	}
	return index(composite("[...]uint32", elems(list...)...), counterPlus(-p.loop.first*p.loop.step1, p.loop.step1))
}

// counterPlus is sign*i + n.
func counterPlus(n, sign int) expr {
	if sign < 0 {
		return bin("-", num(int64(n)), id("i"))
	}
	return bin("+", id("i"), num(int64(n)))
}

// view is a buffer, or its slice at a position of the first axis. In a loop over
// layers it moves through its array.
func (p *schedule) view(a loop.Arg, by int) expr {
	r := p.r
	at := r.memory[a.Buffer]
	for _, o := range shortNames {
		if rest, ok := strings.CutPrefix(at.field, o.long+"."); ok {
			p.owners[o.long] = true
			at.field = o.short + "." + rest
		}
	}
	mem := at.expr()
	if a.Buffer.Kind == loop.Table {
		mem = slice(mem, nil, nil)
	}
	if by != 0 {
		by *= p.loop.step1
		from := at.at - by*p.loop.first
		place := bin("+", bin("*", id("i"), num(int64(by))), num(int64(from)))
		if by == 1 || by == -1 {
			place = counterPlus(from, by)
		}
		mem = index(id(at.field), place)
	}
	if a.At == nil {
		return mem
	}
	stride := dimExpr(dim.Product(a.Buffer.Shape[1:]), r.dims)
	pos := r.loops[a.At.Loop]
	if a.At.Reverse {
		pos = p.back[a.At.Loop]
	}
	return call(rt("Row"), mem, bin("+", pos, num(a.At.Offset)), stride)
}

package lower

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// emit gives every kept value its memory and returns the calls.
func (b *body) emit(order []*group) ([]loop.Step, error) {
	var steps []loop.Step
	for _, g := range order {
		for _, v := range g.keeps {
			b.place(g, v)
		}
		if g.kind == scanKind {
			for _, v := range g.instrs[0].Results { // stacked even if nobody reads it
				b.place(g, v)
			}
			scan, err := b.emitScan(g)
			if err != nil {
				return nil, err
			}
			steps = append(steps, scan...)
			continue
		}
		steps = append(steps, b.call(g))
	}
	return steps, nil
}

// place gives a group's own value memory: an output, a stored tensor, or a temporary.
func (b *body) place(g *group, v *ir.Value) {
	if _, ok := b.places[v]; ok {
		return
	}
	buf := g.into[v]
	if buf == nil {
		buf = b.s.newBuffer(valueName(v, b.leavesStage(v), b.isAdjoint(v.Def)), loop.Temp, v.Type)
	}
	if buf.Origin == (loop.Origin{}) {
		buf.Origin = b.s.l.origin(v.Def.Pos, v.Def.Label)
	}
	b.places[v] = place{buf: buf}
}

// leavesStage reports whether another stage, or the caller, reads v.
func (b *body) leavesStage(v *ir.Value) bool {
	if b.readers == nil {
		b.readers = map[*ir.Value][]*ir.Instr{}
		for _, i := range b.f.Instrs {
			for _, a := range i.Args {
				b.readers[a] = append(b.readers[a], i)
			}
		}
	}
	for _, i := range b.readers[v] {
		if i.Label == v.Def.Label && i.Path == v.Def.Path {
			continue
		}
		return true
	}
	return len(b.readers[v]) == 0
}

// backward reports whether a group belongs to the gradient's part of a training
// step: pass grad puts adjoints behind the loss.
func (b *body) backward(g *group) bool {
	return (g.afterLoss || b.adjoint) && !b.isMetric(g) && len(g.instrs) > 0 && b.isAdjoint(g.instrs[0])
}

func (b *body) isAdjoint(i *ir.Instr) bool {
	if !b.train || i.Metric || len(b.outputs) == 0 {
		return b.adjoint
	}
	loss := b.root(b.outputs[0].v)
	return loss.Def != nil && b.posOf[i] > b.posOf[loss.Def]
}

// isMetric reports whether only metrics need a group; a copy is as what it copies.
func (b *body) isMetric(g *group) bool {
	if g.copyOf != nil {
		root := b.root(g.copyOf)
		if root.Def == nil {
			v := g.copyTo.to.Var
			return v != nil && v.Kind == "metric"
		}
		return b.isMetric(b.groupOf[root.Def])
	}
	for _, i := range g.instrs {
		if !i.Metric {
			return false
		}
	}
	return len(g.instrs) > 0
}

func (b *body) call(g *group) *loop.Call {
	k := g.k
	c := &loop.Call{AfterLoss: g.afterLoss, Metric: b.isMetric(g), Scalars: k.scalars, Counters: k.counters}
	for n, a := range k.args {
		p := b.placeOf(a)
		c.Args = append(c.Args, loop.Arg{Buffer: p.buf, At: p.at})
		name := p.buf.Name
		if p.buf.Var != nil && p.buf.Kind == loop.Stored {
			name = camel(loop.LastWords(p.buf.Var.Name, 1), name)
		}
		k.k.Params[n].Name = name
	}
	for _, d := range k.k.Dims {
		c.Dims = append(c.Dims, dim.Sym(d))
	}
	origins := b.originsOf(g)
	if len(origins) > 0 {
		c.Origin = origins[0]
	}
	k.k.Doc = b.docOf(g)
	c.Kernel = b.s.l.share.add(k.k, b.kernelName(g), origins)
	return c
}

func (b *body) placeOf(a arg) place {
	if a.to != nil {
		return place{a.to.to, a.to.at}
	}
	return b.places[a.v]
}

// originsOf lists the model lines of a group's instructions, each once.
func (b *body) originsOf(g *group) []loop.Origin {
	var out []loop.Origin
	seen := map[loop.Origin]bool{{}: true}
	for _, i := range g.instrs {
		if o := b.s.l.origin(i.Pos, i.Label); !seen[o] {
			seen[o] = true
			out = append(out, o)
		}
	}
	return out
}

// kernelName says what a kernel does: the stored tensor that it updates, or its
// stage and direction.
func (b *body) kernelName(g *group) string {
	if g.copyOf != nil {
		if v := g.copyTo.to.Var; v != nil {
			return "copyTo" + upper(StoredName(v.Name))
		}
		return "copyTo" + upper(g.copyTo.to.Name)
	}
	for _, a := range g.k.args {
		if p := b.placeOf(a); b.train && a.write && p.buf.Var != nil && p.buf.Var.Kind == "param" {
			return StoredName(p.buf.Var.Name) + "Update"
		}
	}
	if b.s.fn.Kind == "init" && len(g.keeps) > 0 {
		if p := b.places[g.keeps[0]]; p.buf.Var != nil {
			return StoredName(p.buf.Var.Name) + "Init"
		}
	}
	name := stage(g.instrs[0])
	if name == "" {
		name = camel(b.places[g.keeps[0]].buf.Name)
	}
	switch {
	case b.isMetric(g):
		return name + "Metric"
	case strings.HasPrefix(g.instrs[0].Label, "optimizer"):
		return name + "Step"
	case b.backward(g):
		return name + "Backward"
	}
	return name + "Forward"
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// docOf is one line that says what a kernel computes.
func (b *body) docOf(g *group) string {
	var kept []string
	for _, v := range g.keeps {
		kept = append(kept, b.places[v].buf.Name)
	}
	doc := g.describe()
	if len(kept) > 0 {
		doc = strings.Join(kept, ", ") + ": " + doc
	}
	return doc
}

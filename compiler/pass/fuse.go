package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/lower"
)

// fuse chooses the groups of instructions that become one kernel each.
//
// Walking forwards, a pointwise instruction joins the group that computes one of
// its arguments (an epilogue), and a reduction joins a group of rows over the
// same axes. What cannot join is computed where it is read, unless that is too
// much work, or it must lie in memory: then it gets a kernel, with others of its
// shape. No choice changes a bit.
func fuse(p *ir.Program) error {
	for _, e := range p.Entries {
		markMetrics(e)
		var kept []*ir.Value
		for _, s := range e.Stores {
			kept = append(kept, s.Value)
		}
		for _, o := range e.Outputs {
			kept = append(kept, o.Value)
		}
		fuseFunc(e.Func, kept)
		for _, m := range e.Metrics {
			if m.Finish != nil {
				fuseFunc(m.Finish, m.Finish.Results)
			}
		}
	}
	return nil
}

// markMetrics marks the instructions of a training step that only metrics need.
func markMetrics(e *ir.Entry) {
	if e.Kind != ir.Train || len(e.Outputs) == 0 {
		return
	}
	needed := map[*ir.Instr]bool{}
	var need func(v *ir.Value)
	need = func(v *ir.Value) {
		if v.Def == nil || needed[v.Def] {
			return
		}
		needed[v.Def] = true
		for _, a := range v.Def.Args {
			need(a)
		}
	}
	need(e.Outputs[0].Value)
	for _, s := range e.Stores {
		if s.Var.Kind != ir.MetricState {
			need(s.Value)
		}
	}
	for _, i := range e.Func.Instrs {
		i.Metric = !needed[i]
	}
}

// fuser is the state of the pass on one function.
type fuser struct {
	f      *ir.Func
	prober *lower.Prober
	place  map[*ir.Instr]int
	users  map[*ir.Value][]*ir.Instr
	kept   map[*ir.Value]bool // must have memory: outputs, stores, operands of what reads memory only
	// operandOf lists the groups that read a kept value from memory only: they
	// cannot compute it themselves.
	operandOf map[*ir.Value][]int
	groups    []*fuseGroup // groups[n-1] has number n
}

func fuseFunc(f *ir.Func, kept []*ir.Value) {
	for _, i := range f.Instrs {
		if region, ok := i.Op.(ir.Region); ok {
			for _, body := range region.Bodies() {
				fuseFunc(body, body.Results)
			}
		}
	}
	u := &fuser{f: f, prober: lower.NewProber(f), place: map[*ir.Instr]int{}, users: map[*ir.Value][]*ir.Instr{}, kept: map[*ir.Value]bool{},
		operandOf: map[*ir.Value][]int{}}
	for n, i := range f.Instrs {
		u.place[i] = n
		i.Group = lower.Inlined
		for _, a := range i.Args {
			u.users[a] = append(u.users[a], i)
		}
	}
	for _, v := range kept {
		u.kept[v] = true
	}
	for _, i := range f.Instrs {
		u.forward(i)
	}
	u.mergeRows()
	u.demandOperands()
	for _, i := range slices.Backward(slices.Clone(f.Instrs)) {
		u.backward(i)
	}
	u.recompute()
}

// forward places one instruction; its arguments are placed.
func (u *fuser) forward(i *ir.Instr) {
	kind := u.prober.Kind(i)
	if kind == "map" {
		if !isView(i) && !isConstant(i) {
			u.joinProducer(i)
		}
		return
	}
	if kind == "row" || kind == "serial" {
		if u.joinRows(i, kind) {
			return
		}
	}
	g := u.open(i, kind)
	switch kind {
	case "row", "serial":
		spec := lower.ReduceShape(i)
		g.outer = i.Results[0].Type.Shape
		for _, a := range spec.Axes {
			g.inner = append(g.inner, a.Extent)
		}
	case "contract":
		g.outer = i.Results[0].Type.Shape
	}
	u.prober.Open(i.Group, g.outer, g.inner)
	u.prober.Join(i.Group, i)
}

// joinProducer adds a pointwise instruction to the latest group that computes
// one of its arguments and can compute it too.
func (u *fuser) joinProducer(i *ir.Instr) bool {
	from := u.producers(i)
	for _, n := range from {
		if u.accepts(n, i, from) && u.prober.Fits(n, i) {
			u.join(n, i, from)
			return true
		}
	}
	return false
}

// joinRows adds a reduction to a group that computes its operand and reduces
// over the same axes.
func (u *fuser) joinRows(i *ir.Instr, kind string) bool {
	from := u.producers(i)
	var inner []dim.Dim
	for _, a := range lower.ReduceShape(i).Axes {
		inner = append(inner, a.Extent)
	}
	for _, n := range from {
		g := u.group(n)
		if !u.accepts(n, i, from) {
			continue
		}
		if g.kind == kind && lower.SameSpace(g.inner, inner) && u.prober.Fits(n, i) {
			u.join(n, i, from)
			return true
		}
	}
	return false
}

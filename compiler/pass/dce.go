package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// dce removes instructions that no store and no output needs, and results of
// regions that nothing reads. In train blocks it also marks the instructions
// that only metrics need.
func dce(p *ir.Program) error {
	for _, e := range p.Entries {
		dceEntry(e)
		for _, m := range e.Metrics {
			if m.Finish != nil {
				sweepDead(m.Finish, m.Finish.Results)
			}
		}
	}
	return nil
}

func dceEntry(e *ir.Entry) {
	var step, metrics []*ir.Value
	for _, s := range e.Stores {
		if s.Var.Kind == ir.MetricState {
			metrics = append(metrics, s.Value)
		} else {
			step = append(step, s.Value)
		}
	}
	for k, o := range e.Outputs {
		if k > 0 && len(e.Metrics) > 0 {
			metrics = append(metrics, o.Value)
		} else {
			step = append(step, o.Value)
		}
	}
	step = append(step, e.Func.Results...)
	sweepDead(e.Func, append(metrics, step...))
	if e.Kind != ir.Train && e.Kind != ir.Eval {
		return
	}
	needed := map[*ir.Value]bool{}
	e.Func.Reach(step, needed)
	for _, i := range e.Func.Instrs {
		i.Metric = !anyOf(i.Results, needed)
	}
}

func anyOf(vs []*ir.Value, set map[*ir.Value]bool) bool {
	return slices.ContainsFunc(vs, func(v *ir.Value) bool { return set[v] })
}

func setOf(vs []*ir.Value) map[*ir.Value]bool {
	set := map[*ir.Value]bool{}
	for _, v := range vs {
		set[v] = true
	}
	return set
}

// sweepDead removes what roots do not need, last instruction first, so that a
// region gives up its unread results before its arguments are judged.
func sweepDead(f *ir.Func, roots []*ir.Value) {
	live := setOf(roots)
	var kept []*ir.Instr
	for _, i := range slices.Backward(f.Instrs) {
		if !anyOf(i.Results, live) {
			continue
		}
		if p, ok := i.Op.(op.Pruning); ok {
			p.Prune(i, func(v *ir.Value) bool { return live[v] })
		}
		if region, ok := i.Op.(ir.Region); ok {
			for _, body := range region.Bodies() {
				sweepDead(body, body.Results)
			}
		}
		for _, a := range i.Args {
			live[a] = true
		}
		kept = append(kept, i)
	}
	slices.Reverse(kept)
	f.Instrs = kept
}

// Package lower turns the tensor IR into the loop IR: every group of
// instructions that pass fuse chose becomes one kernel, and a schedule calls them.
//
// It knows how operations are lowered only through the interfaces of package op.
// Its invariant is that grouping never changes a bit: a value is the same
// expression whether it is kept in memory or computed where it is read.
package lower

import (
	"fmt"
	"path"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Inlined is the Group of an instruction that has no kernel of its own: it is
// computed wherever it is read.
const Inlined = -1

// Lower returns the loop program of p. Line gives the 1-based line of a place in
// the model, 0 for none; it may be nil. An error is a bug of an operation or of
// the grouping, not of the model.
func Lower(p *ir.Program, line func(diag.Span) int) (*loop.Program, error) {
	if line == nil {
		line = func(diag.Span) int { return 0 }
	}
	l := &lowerer{
		prog:  p,
		line:  line,
		out:   &loop.Program{Name: p.Name, Doc: p.Doc, File: p.File},
		vars:  map[*ir.Var]*loop.Var{},
		share: newSharer(),
	}
	for _, a := range p.Args {
		l.out.Args = append(l.out.Args, loop.NamedText{Name: a.Name, Text: a.Value})
	}
	for _, v := range p.Vars {
		l.addVar(v)
	}
	for _, e := range p.Entries {
		f, err := l.entry(e)
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", e.Name, err)
		}
		l.out.Funcs = append(l.out.Funcs, f)
	}
	l.out.Kernels = l.share.kernels
	return l.out, nil
}

type lowerer struct {
	prog  *ir.Program
	line  func(diag.Span) int
	out   *loop.Program
	vars  map[*ir.Var]*loop.Var
	share *sharer
}

var varKinds = [...]string{ir.Param: "param", ir.Buffer: "buffer", ir.OptState: "optimizer", ir.MetricState: "metric", ir.SessionState: "session"}

func (l *lowerer) addVar(v *ir.Var) {
	lv := &loop.Var{Name: v.Name, Ident: v.Ident, Kind: varKinds[v.Kind], DType: v.Type.DType, Shape: v.Type.Shape,
		Frozen: v.Frozen, Owner: v.Entry, Origin: l.origin(v.Pos, v.Label)}
	l.vars[v] = lv
	l.out.Vars = append(l.out.Vars, lv)
}

func (l *lowerer) origin(s diag.Span, label string) loop.Origin {
	o := loop.Origin{Line: l.line(s), Label: label}
	if s.File != "" {
		o.File = path.Base(s.File)
	}
	return o
}

var entryKinds = [...]string{ir.Forward: "forward", ir.Train: "train", ir.Eval: "eval", ir.Init: "init"}

// entry lowers an entry and the functions that finish its metrics.
func (l *lowerer) entry(e *ir.Entry) (*loop.Func, error) {
	fn := &loop.Func{Name: e.Name, Doc: e.Doc, Kind: entryKinds[e.Kind]}
	for _, c := range e.Checks {
		fn.Checks = append(fn.Checks, loop.Check{Cond: c.Cond, Message: c.Message})
	}
	s := newScope(l, fn)
	b := newBody(s, e.Func)
	b.train = e.Kind == ir.Train
	for _, in := range e.Inputs {
		buf := s.newBuffer(in.Name, loop.Input, in.Value.Type)
		fn.Inputs = append(fn.Inputs, buf)
		b.bind(in.Value, place{buf: buf})
		noteDims(fn, in.Value.Type.Shape)
	}
	for _, r := range e.Reads {
		b.bind(r.Value, place{buf: s.stored(r.Var)})
	}
	for _, st := range e.Stores {
		b.stores = append(b.stores, store{v: st.Value, to: s.stored(st.Var)})
		noteDims(fn, st.Var.Type.Shape)
	}
	for _, o := range e.Outputs {
		b.outputs = append(b.outputs, output{name: o.Name, v: o.Value})
	}
	steps, err := b.lower()
	if err != nil {
		return nil, err
	}
	fn.Body = steps
	s.finish()
	for _, m := range e.Metrics {
		lm, err := l.metric(m)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", m.Name, err)
		}
		fn.Metrics = append(fn.Metrics, lm)
	}
	return fn, nil
}

// metric lowers the function that turns a metric's states into its value.
func (l *lowerer) metric(m ir.Metric) (loop.Metric, error) {
	out := loop.Metric{Name: m.Name, Output: m.Output}
	for _, v := range m.States {
		out.States = append(out.States, l.vars[v])
	}
	if m.Finish == nil {
		return out, nil
	}
	fn := &loop.Func{Name: m.Name, Kind: "finish"}
	s := newScope(l, fn)
	b := newBody(s, m.Finish)
	for i, p := range m.Finish.Params {
		b.bind(p, place{buf: s.stored(m.States[i])})
	}
	for _, r := range m.Finish.Results {
		b.outputs = append(b.outputs, output{name: m.Name, v: r})
	}
	steps, err := b.lower()
	if err != nil {
		return out, err
	}
	fn.Body = steps
	s.finish()
	out.Finish = fn
	return out, nil
}

// noteDims records the symbols of a shape in order of first appearance.
func noteDims(fn *loop.Func, shape []dim.Dim) {
	for _, d := range shape {
		for _, name := range d.Symbols() {
			if !contains(fn.Dims, name) {
				fn.Dims = append(fn.Dims, name)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

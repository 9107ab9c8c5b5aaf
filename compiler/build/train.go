package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// training is a train block while it is built.
type training struct {
	name    string
	at      diag.Span
	stmt    *dsl.Train
	loss    *ir.Value
	lossAt  diag.Span
	failed  bool // the loss was reported
	optimal bool // has an optimizer
	// by tells which optimizer changes a parameter.
	by      map[*variable]diag.Span
	names   map[string]diag.Span // of metrics
	metrics []output
	freezes []*dsl.Select
}

func newTraining(name string, s *dsl.Train, at diag.Span) *training {
	t := &training{name: name, at: at, stmt: s, by: map[*variable]diag.Span{}, names: map[string]diag.Span{}}
	for _, x := range s.Body.Stmts {
		if x.Freeze != nil {
			t.freezes = append(t.freezes, x.Freeze.Select)
		}
	}
	return t
}

// unitState is where an optimizer or metric keeps its state.
type unitState struct {
	kind   ir.VarKind
	prefix string // of stored names
	train  string
	dtype  dim.DType
	param  *variable // of an optimizer
	vars   map[string]*variable
	list   []*variable
}

// stateOf finds or makes the state of one optimizer's parameter or one metric,
// which the blocks' two forms share.
func (e *evaluator) stateOf(kind ir.VarKind, prefix, train string) *unitState {
	if s, ok := e.states[prefix]; ok {
		return s
	}
	s := &unitState{kind: kind, prefix: prefix, train: train, vars: map[string]*variable{}}
	e.states[prefix] = s
	return s
}

func (e *evaluator) loss(fr *frame, l *dsl.Loss) {
	t := fr.train
	if t.loss != nil || t.failed {
		e.report(diag.DuplicateLoss, l.Span(), "the train block %s has two losses", t.name).Also(t.lossAt, "the first one").
			HelpText("add the terms up in one loss")
		return
	}
	t.lossAt = l.Span()
	v := e.single(fr, l.Value.Value)
	x, ok := v.(tensor)
	if !ok {
		t.failed = true
		switch {
		case isBad(v):
		case isInstance(v):
			e.report(diag.LayerAsValue, l.Value.Span(), "a loss is a scalar, and this is %s", describe(v))
		default:
			e.report(diag.NothingToTrain, l.Value.Span(), "the loss is %s, which depends on no parameter", describe(v))
		}
		return
	}
	if len(x.v.Type.Shape) != 0 || !x.v.Type.DType.IsFloat() {
		d := e.report(diag.LossNotScalar, l.Value.Span(), "a loss is one float, and this is %s", op.TypeString(x.v.Type))
		e.origins(d, x.v).HelpText("mean(...) or sum(...) reduces it")
		t.failed = true
		return
	}
	if x.v.Type.DType != dim.Float32 { // a step returns its loss as a float32
		x.v = one(e.emit(l.Span(), op.Cast{DType: dim.Float32}, x.v))
	}
	if x.v.Name == "" {
		x.v.Name = "loss"
	}
	t.loss = x.v
	if l.Value.Name != nil {
		fr.setName(l.Value.Name.Name, v, l.Value.Name.Span())
	}
}

// finishTraining checks that the block is whole and gives its outputs.
func (e *evaluator) finishTraining(fr *frame) {
	t, en := fr.train, e.en
	if t.loss == nil {
		if !t.failed && !fr.run.broken {
			d := e.report(diag.MissingLoss, t.at, "the train block %s has no loss", t.name)
			if fr.scope.find("loss") != nil {
				d.HelpText("`loss = ...` names a value; the statement has no `=`, as in `loss cross_entropy(logits, labels)`")
			}
		}
		return
	}
	if !t.optimal {
		e.report(diag.MissingOptimizer, t.at, "the train block %s has no optimizer", t.name).HelpText("such as `optimizer adam(lr = 1e-3)`")
	}
	for _, s := range t.freezes {
		e.selectVars(fr, s, e.parameters())
	}
	en.entry.Outputs = append(en.entry.Outputs, ir.Output{Name: "loss", Value: t.loss, Pos: t.lossAt})
	for i := range en.entry.Metrics {
		m := &en.entry.Metrics[i]
		if m.Output < 0 {
			continue
		}
		o := t.metrics[m.Output]
		m.Output = len(en.entry.Outputs)
		en.entry.Outputs = append(en.entry.Outputs, ir.Output{Name: m.Name, Value: o.v.(tensor).v, Pos: o.at})
	}
}

// metric adds a reported figure: a scalar, averaged over batches, or a unit with
// state of its own.
func (e *evaluator) metric(fr *frame, m *dsl.Metric) {
	e.en.metric = true
	defer func() { e.en.metric = false }()
	name := metricName(m.Value)
	if prev, ok := fr.train.names[name]; ok {
		e.report(diag.DuplicateName, m.Span(), "two metrics are called %s", name).Also(prev, "the other one").HelpText("name it: metric other = ...")
		return
	}
	fr.train.names[name] = m.Span()
	if c, args := e.metricUnit(fr, m.Value.Value); c != nil {
		e.runMetric(fr, c, args, name, m.Span())
		return
	}
	v := e.single(fr, m.Value.Value)
	switch x := v.(type) {
	case bad:
		return
	case tensor:
		if len(x.v.Type.Shape) != 0 {
			d := e.report(diag.RankMismatch, m.Value.Span(), "a metric is one number, and this is %s", op.TypeString(x.v.Type))
			e.origins(d, x.v).HelpText("mean(...) reduces it")
			return
		}
		if x.v.Type.DType != dim.Float32 {
			if x.v = one(e.emit(m.Span(), op.Cast{DType: dim.Float32}, x.v)); x.v == nil {
				return
			}
			v = x
		}
	default:
		h, ok := hostOf(v)
		if !ok {
			e.report(diag.ArgumentKind, m.Value.Span(), "a metric is a number, and this is %s", describe(v))
			return
		}
		v = tensor{e.constant(m.Span(), h, dim.Float32)}
	}
	e.en.entry.Metrics = append(e.en.entry.Metrics, ir.Metric{Name: name, Output: len(fr.train.metrics)})
	fr.train.metrics = append(fr.train.metrics, output{name, v, m.Span()})
}

// metricName is the given name, or the name of what is called or of the value.
func metricName(n *dsl.Named) string {
	if n.Name != nil {
		return n.Name.Name
	}
	x := n.Value
	if k := len(x.Stages); k > 0 {
		return x.Stages[k-1].Ref.Name.Name
	}
	if p := x.Postfix(); p != nil && p.Primary.Name != nil {
		return p.Primary.Name.Name
	}
	return "metric"
}

// metricUnit recognises a call of a metric declared with `metric`.
func (e *evaluator) metricUnit(fr *frame, x *dsl.Expr) (*callable, []argument) {
	p := x.Postfix()
	if p == nil || p.Primary.Name == nil || len(p.Suffixes) == 0 || p.Suffixes[len(p.Suffixes)-1].Args == nil {
		return nil, nil
	}
	var c *callable
	if id := p.Primary.Name; len(p.Suffixes) == 1 {
		if fr.scope.find(id.Name) != nil {
			return nil, nil
		}
		c = e.find(fr.src, id.Name)
	} else if s, ok := fr.src.imports[id.Name]; ok && p.Suffixes[0].Member != nil {
		c = s.decls[p.Suffixes[0].Member.Name]
	}
	if c == nil || !c.isUnit() || c.decl.Kind != "metric" {
		return nil, nil
	}
	args, ok := e.arguments(fr, p.Suffixes[len(p.Suffixes)-1].Args)
	if !ok {
		args = append(args, argument{v: bad{}})
	}
	return c, args
}

// runMetric runs a metric unit: its updates belong to the step, and its output
// becomes a function of its states alone.
func (e *evaluator) runMetric(fr *frame, c *callable, args []argument, name string, at diag.Span) {
	for _, a := range args {
		if isBad(a.v) {
			return
		}
	}
	old := e.site
	if !fr.src.prelude {
		e.site = at
	}
	defer func() { e.site = old }()
	inputs, rest, ok := e.splitInputs(c, nil, args, at)
	if !ok {
		return
	}
	st := e.stateOf(ir.MetricState, "metric/"+fr.train.name+"/"+name+"/", fr.train.name)
	f := &frame{src: c.src, scope: newScope(nil), run: newRun("metric/" + name), place: inMetric, unit: c.name, callee: c,
		axes: map[string][]int{}, state: st, bound: inputs}
	e.stack = append(e.stack, activation{c, at})
	defer func() { e.stack = e.stack[:len(e.stack)-1] }()
	if !e.bindFormals(f, c, rest, at) {
		return
	}
	e.body(f, c.decl.Unit.Body)
	if len(f.outputs) != 1 || isBad(f.outputs[0].v) {
		if !f.run.broken && !isBadOutput(f.outputs) {
			e.report(diag.MissingOutput, c.declared(), "the metric %s has one output", c.name)
		}
		return
	}
	out := e.tensorOf(at, f.outputs[0].v, dim.Float32)
	if out == nil {
		return
	}
	finish := e.finishOf(out, st, at)
	if finish == nil {
		return
	}
	m := ir.Metric{Name: name, Output: -1, Finish: finish}
	for _, x := range st.list {
		m.States = append(m.States, x.Var)
	}
	e.en.entry.Metrics = append(e.en.entry.Metrics, m)
}

func isBadOutput(out []output) bool {
	for _, o := range out {
		if isBad(o.v) {
			return true
		}
	}
	return false
}

// finishOf copies what an output depends on, from the updated states on, into a
// function of the states.
func (e *evaluator) finishOf(out *ir.Value, st *unitState, at diag.Span) *ir.Func {
	f := newFunction("finish", nil)
	have := map[*ir.Value]*ir.Value{}
	for _, x := range st.list {
		p := f.b.Func.AddParam(x.Type, x.Name)
		have[e.en.read(x)] = p
	}
	v := e.copyInto(f, out, have, at)
	if v == nil {
		return nil
	}
	f.b.Func.Results = []*ir.Value{v}
	return f.b.Func
}

func (e *evaluator) copyInto(f *function, v *ir.Value, have map[*ir.Value]*ir.Value, at diag.Span) *ir.Value {
	if w, ok := have[v]; ok {
		return w
	}
	if v.Def == nil {
		e.report(diag.UpdateTarget, at, "the output of a metric is computed from its state alone, after the updates")
		return nil
	}
	args := make([]*ir.Value, len(v.Def.Args))
	for i, a := range v.Def.Args {
		if args[i] = e.copyInto(f, a, have, at); args[i] == nil {
			return nil
		}
	}
	f.b.Pos, f.b.Label, f.b.Path = v.Def.Pos, v.Def.Label, v.Def.Path
	for i, r := range f.b.Emit(v.Def.Op, args...) {
		have[v.Def.Results[i]] = r
	}
	return have[v]
}

// accumulation reads the number of micro-batches of an update, which every
// optimizer of a block must agree on.
func (e *evaluator) accumulation(fr *frame, t *dsl.Train) {
	e.en.accumulate = 1
	for _, s := range t.Body.Stmts {
		if s.Optimizer == nil || s.Optimizer.Args == nil {
			continue
		}
		for _, a := range s.Optimizer.Args.List {
			if a.Name == nil || a.Name.Name != "accumulate" {
				continue
			}
			p := a.Value.Primary()
			n := int64(0)
			if p != nil && p.Int != "" {
				if v, err := parseNumber(p.Int); err == nil {
					n, _ = v.int64()
				}
			}
			if n < 1 || n > 1<<20 {
				e.report(diag.ArgumentRange, a.Value.Span(), "accumulate is a whole number of micro-batches, at least 1")
				return
			}
			if e.en.accumulate > 1 && e.en.accumulate != n {
				e.report(diag.ArgumentRange, a.Value.Span(), "the optimizers of a train block accumulate the same number of micro-batches")
				return
			}
			e.en.accumulate = n
		}
	}
}

// stepNumber is the number of the update being made: micro-batches do not count.
func (e *evaluator) stepNumber() *scalar.Expr {
	if k := e.en.accumulate; k > 1 {
		return scalar.New(scalar.Ceil, scalar.New(scalar.Div, scalar.StepNumber(), scalar.Num(float64(k))))
	}
	return scalar.StepNumber()
}

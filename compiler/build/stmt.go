package build

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// statementName gives the word of a statement and the places where it may stand.
func statementName(s *dsl.Stmt) (word string, places []place) {
	switch {
	case s.Input != nil:
		return "input", []place{inModel, inBlock, inOptimizer, inMetric, inEntry, inTrain}
	case s.Output != nil:
		return "output", []place{inModel, inBlock, inMetric, inEntry}
	case s.Layer != nil:
		return "layer", []place{inModel, inBlock}
	case s.Param != nil:
		return "param", []place{inModel, inBlock}
	case s.Buffer != nil:
		return "buffer", []place{inModel, inBlock}
	case s.State != nil:
		return "state", []place{inBlock, inEntry, inOptimizer, inMetric}
	case s.Entry != nil:
		return "entry", []place{inModel}
	case s.Train != nil:
		return "train", []place{inModel}
	case s.Loss != nil:
		return "loss", []place{inTrain}
	case s.Metric != nil:
		return "metric", []place{inTrain}
	case s.Optimizer != nil:
		return "optimizer", []place{inTrain}
	case s.Freeze != nil:
		return "freeze", []place{inTrain}
	case s.Update != nil:
		return "update", []place{inBlock, inEntry, inTrain, inOptimizer, inMetric}
	case s.Yield != nil:
		return "yield", []place{inScan}
	}
	return "", nil
}

// body runs statements in order.
func (e *evaluator) body(fr *frame, body []*dsl.Stmt) {
	for _, s := range body {
		if e.stop || !e.step(s.Span()) {
			return
		}
		e.statement(fr, s)
	}
}

func (e *evaluator) statement(fr *frame, s *dsl.Stmt) {
	if fr.place == inBlock && fr.callee.decl.Kind == "model" && (s.Entry != nil || s.Train != nil) {
		return // a model used as a block is its body
	}
	word, places := statementName(s)
	if word != "" && !containsPlace(places, fr.place) {
		code := diag.StatementPlace
		if word == "yield" {
			code = diag.YieldPlace
		}
		names := make([]string, len(places))
		for i, p := range places {
			names[i] = p.String()
		}
		e.report(code, s.Span(), "%s may not stand in %s", word, fr.place).HelpText("it stands in %s", strings.Join(names, ", "))
		return
	}
	if len(s.Annots) > 0 {
		old := fr.set
		fr.set = e.annotate(fr, fr.set, s.Annots)
		e.checkAnnots(s)
		defer func() { fr.set = old }()
	}
	if !fr.src.prelude {
		label := e.en.fn.b.Label
		e.en.fn.b.Label = e.statementLabel(fr.src, s)
		b := e.en.fn.b
		defer func() { b.Label = label }()
	}
	e.run(fr, s)
}

// statementLabel is the readable origin of what a statement emits outside of stages.
func (e *evaluator) statementLabel(src *source, s *dsl.Stmt) string {
	if s.For != nil || s.If != nil || s.Entry != nil || s.Train != nil {
		return ""
	}
	return e.originText(src, s.Span())
}

func (e *evaluator) run(fr *frame, s *dsl.Stmt) {
	switch {
	case s.Assign != nil:
		e.assign(fr, s)
	case s.Input != nil:
		e.input(fr, s)
	case s.Output != nil:
		e.output(fr, s.Output)
	case s.Layer != nil:
		e.layer(fr, s)
	case s.Param != nil:
		e.declareParam(fr, s, ir.Param, s.Param.Tensor)
	case s.Buffer != nil:
		e.declareParam(fr, s, ir.Buffer, s.Buffer.Tensor)
	case s.State != nil:
		e.declareState(fr, s)
	case s.For != nil:
		e.forLoop(fr, s.For)
	case s.If != nil:
		e.ifElse(fr, s.If)
	case s.Assert != nil:
		e.assert(fr, s.Assert)
	case s.Update != nil:
		e.update(fr, s.Update)
	case s.Yield != nil:
		fr.scan.yields = append(fr.scan.yields, yielded{e.expr(fr, s.Yield.Value), s.Yield.Span()})
	case s.Loss != nil:
		e.loss(fr, s.Loss)
	case s.Metric != nil:
		e.metric(fr, s.Metric)
	case s.Optimizer != nil:
		e.optimizer(fr, s.Optimizer)
	}
	// Entries and train blocks are run by the model, each in its own function; freeze
	// was read when its train block began, so that its place does not matter.
}

func containsPlace(list []place, p place) bool {
	for _, x := range list {
		if x == p {
			return true
		}
	}
	return false
}

// assign runs `a, b = value`.
func (e *evaluator) assign(fr *frame, s *dsl.Stmt) {
	a := s.Assign
	var v value
	if a.Scan != nil {
		v = e.scan(fr, a.Scan)
	} else {
		v = e.expr(fr, a.Value)
	}
	values := []value{v}
	if t, ok := v.(tuple); ok {
		values = t
	}
	if isBad(v) || len(values) != len(a.Targets) {
		if !isBad(v) {
			at := a.Targets[0].Span().Join(a.Targets[len(a.Targets)-1].Span())
			e.report(diag.ArityMismatch, at, "the left side names %s, and the right side gives %s", countValues(len(a.Targets)), countValues(len(values)))
		}
		for _, t := range a.Targets {
			e.assignTarget(fr, t, bad{})
		}
		return
	}
	for i, t := range a.Targets {
		e.assignTarget(fr, t, values[i])
	}
	if len(a.Targets) > 1 {
		e.uses.together(a.Targets)
	}
}

func (e *evaluator) assignTarget(fr *frame, t *dsl.Target, v value) {
	name := t.Name.Name
	if tv, ok := v.(tensor); ok && tv.v.Name == "" && tv.v.Def != nil && !fr.src.prelude {
		tv.v.Name = name
	}
	if len(t.Index) == 0 {
		if !fr.src.prelude && fr.src.decls[name] == nil && fr.scope.find(name) == nil && e.isWord(name) {
			e.report(diag.ShadowedBuiltin, t.Name.Span(), "%s is a word of the library, and a value may not take its name", name).
				HelpText("call it %s_", name)
		}
		b := fr.setName(name, v, t.Name.Span())
		e.uses.define(fr, t.Name, b, usedValue)
		return
	}
	b := fr.scope.find(name)
	var x *indexed
	if b != nil {
		x, _ = b.v.(*indexed)
	}
	if x == nil {
		x = &indexed{at: map[string]value{}}
		b = fr.setName(name, x, t.Name.Span())
		e.uses.define(fr, t.Name, b, usedValue)
	}
	for i, ix := range t.Index {
		n, ok := e.single(fr, ix).(number)
		if !ok || !n.isWhole() {
			e.report(diag.ArgumentKind, ix.Span(), "the index of a name must be a whole number")
			return
		}
		if i == len(t.Index)-1 {
			x.at[n.String()] = v
			return
		}
		next, _ := x.at[n.String()].(*indexed)
		if next == nil {
			next = &indexed{at: map[string]value{}}
			x.at[n.String()] = next
		}
		x = next
	}
}

// isWord reports whether a name is one of the library's.
func (e *evaluator) isWord(name string) bool {
	if _, ok := intrinsicTable()[name]; ok {
		return true
	}
	return prelude.Has(name)
}

// output collects results.
func (e *evaluator) output(fr *frame, o *dsl.Output) {
	for _, n := range o.Values {
		v := e.expr(fr, n.Value)
		name := ""
		if n.Name != nil {
			name = n.Name.Name
		} else if id := n.Value.Name(); id != nil {
			name = id.Name
		}
		if isBad(v) {
			fr.run.broken = true
		}
		if t, ok := v.(tuple); ok && n.Name == nil {
			for _, x := range t {
				if isBad(x) {
					fr.run.broken = true
				}
				fr.outputs = append(fr.outputs, output{"", x, n.Span()})
			}
			continue
		}
		if t, ok := v.(tensor); ok && n.Name != nil && t.v.Name == "" && t.v.Def != nil && !fr.src.prelude {
			t.v.Name = name
		}
		out := output{name, v, n.Span()}
		fr.outputs = append(fr.outputs, out)
		if n.Name != nil && (fr.place == inEntry || fr.place == inModel) {
			fr.setName(name, v, n.Name.Span())
		}
	}
}

// layer declares an instance without applying it.
func (e *evaluator) layer(fr *frame, s *dsl.Stmt) {
	l := s.Layer
	label, ok := e.label(fr, l.Ref)
	if !ok {
		fr.run.broken = true
		return
	}
	c, args, ok := e.constructor(fr, l.Value)
	if !ok {
		fr.run.broken = true
		fr.assign(l.Ref.Name, bad{}) // later uses were reported here
		return
	}
	in := e.instanceAt(fr, label, c, l, l.Ref.Span())
	if in == nil {
		return
	}
	e.uses.defineLayer(fr, l.Ref, in)
	in.shared, in.args, in.set = true, args, fr.set
	if in.label == "" {
		in.label = e.en.fn.b.Label
	}
	in.set.name, in.set.copyOf = "", nil
	if fr.set.copyOf != nil {
		in.set.copyOf = fr.set.copyOf
		in.copyOf = fr.set.copyOf
	}
}

// constructor evaluates the right side of a layer statement: a unit with its
// arguments.
func (e *evaluator) constructor(fr *frame, x *dsl.Expr) (*callable, []argument, bool) {
	p := x.Postfix()
	if p == nil || p.Primary.Name == nil {
		e.report(diag.ArgumentKind, x.Span(), "a layer is a block with its arguments, such as linear(128)")
		return nil, nil, false
	}
	v := e.name(fr, p.Primary.Name, true)
	var args []argument
	ok := true
	for i, s := range p.Suffixes {
		switch {
		case isBad(v):
			return nil, nil, false
		case s.Member != nil:
			v = e.member(fr, v, s.Member, x.Span())
		case s.Args != nil && i == len(p.Suffixes)-1:
			args, ok = e.arguments(fr, s.Args)
		default:
			e.report(diag.ArgumentKind, s.Span(), "a layer is a block with its arguments, such as linear(128)")
			return nil, nil, false
		}
	}
	c, isCallable := v.(*callable)
	if !isCallable || !c.isLayer() {
		if !isBad(v) {
			e.report(diag.ArgumentKind, x.Span(), "a layer is a block or model, and this is %s", describe(v))
		}
		return nil, nil, false
	}
	return c, args, ok
}

func (e *evaluator) declareParam(fr *frame, s *dsl.Stmt, kind ir.VarKind, t *dsl.Tensor) {
	e.declare(fr, s, kind, t)
}

// declareState declares a tensor that is kept from call to call. What it belongs
// to depends on where it stands; a train block keeps none.
func (e *evaluator) declareState(fr *frame, s *dsl.Stmt) {
	kind := ir.SessionState
	if fr.state != nil {
		kind = fr.state.kind
	} else if e.en.entry.Kind != ir.Forward {
		e.report(diag.StatementPlace, s.Span(), "state is kept by a session, and a train block has none").
			HelpText("`buffer` is stored with the model")
		fr.assign(s.State.Tensor.Name, bad{})
		return
	}
	if name := s.State.Tensor.Name; fr.place == inOptimizer && ownStates[name.Name] != "" {
		e.report(diag.DuplicateName, name.Span(), "an optimizer's state cannot be called %s: that is what every optimizer's argument %s keeps", name.Name, ownStates[name.Name]).
			HelpText("call it %s_state, for instance", name.Name)
		fr.assign(name, bad{})
		return
	}
	e.declare(fr, s, kind, s.State.Tensor)
}

// ownStates are the names of states that arguments of every optimizer keep.
var ownStates = map[string]string{"ema": "ema", "accumulated": "accumulate"}

func (e *evaluator) forLoop(fr *frame, f *dsl.For) {
	v := e.single(fr, f.In)
	items, ok := v.(list)
	if !ok {
		switch {
		case isBad(v):
		default:
			if _, isTensor := v.(tensor); isTensor {
				e.report(diag.TensorAsConstant, f.In.Span(), "`for` runs when the model is compiled, and this is %s", describe(v)).
					HelpText("`scan` is a recurrence over a dimension")
				break
			}
			e.report(diag.ArgumentKind, f.In.Span(), "`for` takes a list or range(n), not %s", describe(v))
		}
		fr.run.broken = true
		return
	}
	for _, x := range items {
		if e.stop || !e.step(f.Span()) {
			return
		}
		fr.setName(f.Var.Name, x, f.Var.Span())
		e.body(fr, f.Body.Stmts)
	}
}

func (e *evaluator) ifElse(fr *frame, s *dsl.If) {
	taken, ok := e.condition(fr, s.Cond)
	if !ok {
		fr.run.broken = true
		return
	}
	if taken {
		e.body(fr, s.Then.Stmts)
		return
	}
	for _, ei := range s.ElseIf {
		if taken, ok = e.condition(fr, ei.Cond); !ok {
			fr.run.broken = true
			return
		}
		if taken {
			e.body(fr, ei.Then.Stmts)
			return
		}
	}
	if s.Else != nil {
		e.body(fr, s.Else.Stmts)
	}
}

// condition evaluates the condition of an if, which must be known now.
func (e *evaluator) condition(fr *frame, x *dsl.Expr) (value, ok bool) {
	switch v := e.single(fr, x).(type) {
	case boolean:
		return bool(v), true
	case bad:
	case tensor:
		e.report(diag.TensorAsConstant, x.Span(), "`if` is decided when the model is compiled, and this is %s", describe(v)).
			HelpText("where(condition, a, b) chooses element by element")
	case host:
		if v.e.UsesStep() {
			e.report(diag.StepCondition, x.Span(), "`if` is decided when the model is compiled, and step is known only while training").
				HelpText("use where, min or max")
			break
		}
		e.report(diag.StepCondition, x.Span(), "`if` is decided when the model is compiled, and this depends on a dimension that is known only at run time")
	default:
		e.report(diag.ArgumentKind, x.Span(), "`if` takes a bool, not %s", describe(v))
	}
	return false, false
}

func (e *evaluator) assert(fr *frame, a *dsl.Assert) {
	message := ""
	if a.Message != nil {
		message = a.Message.Value()
	}
	switch v := e.single(fr, a.Cond).(type) {
	case boolean:
		if !v {
			if message == "" {
				message = sourceText(fr.src, a.Cond.Span()) + " does not hold"
			}
			e.report(diag.AssertFailed, a.Span(), "%s", message).Label("this is false for these arguments")
		}
	case host:
		if v.truth && !v.e.UsesStep() {
			if message == "" {
				message = sourceText(fr.src, a.Cond.Span()) + " does not hold"
			}
			e.check(v.e, message, a.Span())
			return
		}
		e.report(diag.ArgumentKind, a.Cond.Span(), "`assert` takes a condition on arguments and dimensions, not %s", describe(v))
	case bad:
	default:
		e.report(diag.ArgumentKind, a.Cond.Span(), "`assert` takes a condition on arguments and dimensions, not %s", describe(v))
	}
}

// update runs `update target = value`.
func (e *evaluator) update(fr *frame, u *dsl.Update) {
	target := e.updateTarget(fr, u.Target)
	switch t := target.(type) {
	case *variable:
		e.assignStored(fr, t, u, e.single(fr, u.Value))
	case *instance:
		e.updateLayer(fr, t, u)
	case bad:
	default:
		e.report(diag.UpdateTarget, u.Target.Span(), "%s is not stored, so it cannot be updated", sourceText(fr.src, u.Target.Span()))
	}
}

// updateTarget finds the stored tensor (a variable) or layer that a Ref names.
func (e *evaluator) updateTarget(fr *frame, ref *dsl.Ref) any {
	if len(ref.Parts) == 0 {
		if b := fr.scope.find(ref.Name.Name); b != nil {
			e.uses.use(b)
			if b.stored != nil {
				return b.stored
			}
			if isBad(b.v) {
				return bad{}
			}
			return b.v
		}
	}
	if fr.inst == nil {
		e.unknown(fr, ref.Name, false)
		return bad{}
	}
	label, ok := e.label(fr, ref)
	if !ok {
		return bad{}
	}
	var v any = fr.inst
	for _, part := range strings.Split(label, ".") {
		switch x := v.(type) {
		case *instance:
			if y, ok := x.names[part]; ok {
				v = y
			} else if w := x.lookup(part); w != nil {
				v = w
			} else {
				e.unknown(fr, ref.Name, false)
				return bad{}
			}
		case labels:
			w := x.in.lookup(join(x.prefix, part))
			if w == nil {
				e.unknown(fr, ref.Name, false)
				return bad{}
			}
			v = w
		}
	}
	return v
}

// mayUpdate reports whether a stored tensor may be updated where fr stands.
func (e *evaluator) mayUpdate(fr *frame, x *variable) bool {
	switch x.Kind {
	case ir.OptState:
		return fr.place == inOptimizer
	case ir.MetricState:
		return fr.place == inMetric
	case ir.SessionState:
		return e.en.entry.Kind == ir.Forward
	case ir.Param:
		return x.Frozen && e.en.entry.Kind != ir.Forward || fr.place == inOptimizer && fr.state != nil && fr.state.param == x
	}
	return e.en.entry.Kind == ir.Train || e.en.entry.Kind == ir.Eval
}

// assignStored makes v the value of a stored tensor from here on.
func (e *evaluator) assignStored(fr *frame, x *variable, u *dsl.Update, v value) {
	if isBad(v) {
		return
	}
	if fr.place == inScan || fr.scan != nil {
		e.report(diag.StatementPlace, u.Span(), "update may not stand in a scan").HelpText("carry the value instead")
		return
	}
	if !e.mayUpdate(fr, x) {
		d := e.report(diag.UpdateTarget, u.Target.Span(), "%s may not be updated here", x.Name).Also(x.Pos, "declared here")
		if x.Kind == ir.Param {
			d.HelpText("an optimizer changes parameters; `update` is for buffers and @frozen parameters")
		} else if x.Kind == ir.Buffer {
			d.HelpText("buffers are updated in train blocks and in `if training { ... }` of blocks that they use")
		}
		return
	}
	t := e.tensorOf(u.Value.Span(), v, x.Type.DType)
	if t == nil {
		return
	}
	if t.Type.DType != x.Type.DType {
		d := e.report(diag.DTypeMismatch, u.Value.Span(), "%s is stored as %s, and this is %s", x.Name, x.Type.DType, t.Type.DType)
		e.origins(d, t)
		return
	}
	if !dim.EqualShapes(t.Type.Shape, x.Type.Shape) {
		common, ok := commonShape(t.Type.Shape, x.Type.Shape)
		if !ok || !dim.EqualShapes(common, x.Type.Shape) {
			d := e.report(diag.ShapeMismatch, u.Value.Span(), "%s is %s, and this is %s", x.Name, op.TypeString(x.Type), op.TypeString(t.Type))
			e.origins(d.Also(x.Pos, "declared here"), t)
			return
		}
		if t = e.broadcastTo(u.Value.Span(), t, x.Type.Shape); t == nil {
			return
		}
	}
	if e.en.entry.Kind == ir.Eval && fr.place != inMetric {
		return // the inference form of a train block changes nothing
	}
	e.en.write(x, t, e.userSpan(u.Span()))
}

// updateLayer evaluates the right side once for each tensor of a layer, every
// layer in it standing for its tensor of that name.
func (e *evaluator) updateLayer(fr *frame, in *instance, u *dsl.Update) {
	xs := in.tensors()
	if len(xs) == 0 {
		e.report(diag.UpdateTarget, u.Target.Span(), "the layer %s has no tensors", in.path)
		return
	}
	for _, x := range xs {
		e.standIn = x.relative(in)
		v := e.single(fr, u.Value)
		e.standIn = ""
		if x.Kind == ir.Param && !x.Frozen {
			e.report(diag.UpdateTarget, u.Target.Span(), "%s is learned, so it may not be updated here", x.Name).Also(in.at, "declared here").
				HelpText("@frozen before its `layer` keeps it out of the optimizer")
			return
		}
		e.assignStored(fr, x, u, v)
		if e.diags.HasErrors() {
			return
		}
	}
}

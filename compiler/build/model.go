package build

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// runModel builds every entry of the model: the body's outputs as "forward", each
// entry, each train block in two forms, and the initial values.
func (e *evaluator) runModel() {
	body := e.model.decl.Unit.Body
	e.root = newInstance(nil, "", e.model, nil, e.model.declared())
	e.init = newEntry("init", ir.Init, e.model.declared())
	e.init.entry.Doc = "init gives parameters and buffers their initial values."
	e.initState = newEntry(stateInit, ir.Init, e.model.declared())
	e.initState.entry.Doc = stateInit + " gives the optimizers' state its initial values, which may depend on the parameters as they are."
	entries, trains, outputs := topLevel(body)
	if outputs {
		e.entry("forward", ir.Forward, nil, e.model.declared())
	}
	seen := map[string]diag.Span{"forward": e.model.declared(), "init": e.model.declared(), stateInit: e.model.declared()}
	for _, s := range entries {
		if e.unique(seen, s.Entry.Name.Name, s.Entry.Name.Span(), "entry") {
			e.entry(s.Entry.Name.Name, ir.Forward, s, s.Entry.Name.Span())
		}
	}
	for _, s := range trains {
		name, at := "train", s.Span()
		if s.Train.Name != nil {
			name, at = s.Train.Name.Name, s.Train.Name.Span()
		} else {
			at.End = at.Start + len("train")
		}
		if e.unique(seen, name, at, "train block") {
			e.entry(name, ir.Train, s, at)
			if !e.opt.Check || e.prog.Entries == nil {
				e.entry(name, ir.Eval, s, at)
			}
		}
	}
	if !outputs && len(entries) == 0 && len(trains) == 0 {
		e.report(diag.MissingOutput, e.model.declared(), "the model %s has no output, entry or train block", e.model.name)
	}
	if len(e.prog.Entries) == 0 {
		return
	}
	e.copyInitial()
	e.init.finish()
	e.prog.Entries = append(e.prog.Entries, e.init.entry)
	if e.initState.finish(); len(e.initState.entry.Stores) > 0 {
		e.prog.Entries = append(e.prog.Entries, e.initState.entry)
	}
}

// stateInit names the entry that gives the optimizers' state its initial values.
// It is apart from init because a trainer starts from the weights that it is
// given, which need not be the initial ones.
const stateInit = "init_optimizer"

// topLevel sorts a model's statements.
func topLevel(body []*dsl.Stmt) (entries, trains []*dsl.Stmt, outputs bool) {
	for _, s := range body {
		switch {
		case s.Entry != nil:
			entries = append(entries, s)
		case s.Train != nil:
			trains = append(trains, s)
		case s.Output != nil:
			outputs = true
		case s.If != nil: // an output may stand in a branch
			for _, b := range s.Bodies() {
				_, _, in := topLevel(b)
				outputs = outputs || in
			}
		}
	}
	return entries, trains, outputs
}

func (e *evaluator) unique(seen map[string]diag.Span, name string, at diag.Span, what string) bool {
	if prev, ok := seen[name]; ok {
		e.report(diag.DuplicateName, at, "two entries or train blocks are called %s", name).Also(prev, "the other one").
			HelpText("give this %s another name", what)
		return false
	}
	seen[name] = at
	return true
}

// entry runs the model's body, then the statements of an entry or train block in
// a scope inside it.
func (e *evaluator) entry(name string, kind ir.EntryKind, s *dsl.Stmt, at diag.Span) {
	e.en = newEntry(name, kind, at)
	en := e.en
	root := &frame{src: e.model.src, scope: newScope(nil), inst: e.root, run: newRun(""), place: inModel, unit: e.model.name,
		callee: e.model, axes: map[string][]int{}}
	root.set = e.annotate(root, settings{}, e.model.decl.Annots)
	en.root = root
	e.stack = append(e.stack[:0], activation{e.model, diag.Span{}})
	if s != nil && s.Train != nil {
		e.accumulation(root, s.Train)
	}
	if !e.modelArguments(root) {
		return
	}
	e.body(root, e.model.decl.Unit.Body)
	e.root.applied = true
	own := len(en.entry.Inputs)
	outputs := root.outputs
	if s == nil {
		en.entry.Doc = e.model.decl.Doc
	} else {
		en.entry.Doc = s.Doc
		f := root.child(inEntry)
		f.axes = map[string][]int{}
		if s.Train != nil {
			f.place = inTrain
			f.train = newTraining(name, s.Train, at)
			e.body(f, s.Train.Body.Stmts)
			e.finishTraining(f)
		} else {
			e.body(f, s.Entry.Body.Stmts)
			if len(f.outputs) == 0 && !f.run.broken {
				e.report(diag.MissingOutput, at, "the entry %s has no output", name)
			}
		}
		outputs = f.outputs
	}
	if kind == ir.Forward {
		e.entryOutputs(outputs)
	}
	en.finish()
	en.prune(own, s == nil)
	e.prog.Entries = append(e.prog.Entries, en.entry)
}

// entryOutputs names the results of an entry.
func (e *evaluator) entryOutputs(outputs []output) {
	en := e.en
	seen := map[string]diag.Span{}
	for i, o := range outputs {
		t, ok := o.v.(tensor)
		if !ok {
			switch {
			case isBad(o.v):
			case isInstance(o.v):
				e.report(diag.LayerAsValue, o.at, "an output is a tensor, and this is %s", describe(o.v)).HelpText("apply it with `->`")
			default:
				if h, isHost := hostOf(o.v); isHost {
					if v := e.constant(o.at, h, 2); v != nil {
						en.entry.Outputs = append(en.entry.Outputs, ir.Output{Name: outputName(o.name, i), Value: v, Pos: o.at})
					}
					continue
				}
				e.report(diag.ArgumentKind, o.at, "an output is a tensor, and this is %s", describe(o.v))
			}
			continue
		}
		name := outputName(o.name, i)
		if prev, dup := seen[name]; dup {
			e.report(diag.DuplicateName, o.at, "two outputs are called %s", name).Also(prev, "the other one").HelpText("name it: output %s2 = ...", name)
			continue
		}
		seen[name] = o.at
		en.entry.Outputs = append(en.entry.Outputs, ir.Output{Name: name, Value: t.v, Pos: o.at})
	}
}

func isInstance(v value) bool { _, ok := v.(*instance); return ok }

func outputName(name string, i int) string {
	switch {
	case name != "":
		return name
	case i == 0:
		return "output"
	}
	return "output" + itoa(i+1)
}

// modelArguments binds a model's arguments to their defaults or overrides.
func (e *evaluator) modelArguments(fr *frame) bool {
	ok := true
	formals := e.model.decl.Unit.Formals
	var names []string
	first := len(e.prog.Args) == 0
	for _, f := range formals {
		name := f.Name.Name
		if fr.scope.here(name) != nil {
			e.report(diag.DuplicateName, f.Name.Span(), "two arguments are called %s", name)
			ok = false
		}
		names = append(names, name)
		v := value(bad{})
		if f.Default == nil {
			e.report(diag.MissingDefault, f.Name.Span(), "the argument %s of the model %s has no default", name, e.model.name).
				HelpText("every argument of a model has one, so that the model can be checked on its own")
			ok = false
		} else {
			v = e.single(fr, f.Default)
		}
		if isBad(v) {
			ok = false
		}
		if text, set := e.opt.Set[name]; set && ok {
			v, ok = e.override(f, v, text)
		}
		b := fr.setName(name, v, f.Name.Span())
		e.uses.define(fr, f.Name, b, usedArgument)
		if first {
			e.prog.Args = append(e.prog.Args, ir.Arg{Name: name, Value: show(v)})
		}
	}
	for _, name := range sortedKeys(e.opt.Set) {
		if !slices.Contains(names, name) {
			d := e.report(diag.BadOverride, e.model.declared(), "the model %s has no argument %s to set", e.model.name, name)
			if s := diag.Suggest(name, names); s != "" {
				d.HelpText("did you mean %s?", s)
			} else if len(names) > 0 {
				d.HelpText("it has %s", strings.Join(names, ", "))
			}
			ok = false
		}
	}
	return ok
}

// override evaluates the literal of --set name=text.
func (e *evaluator) override(f *dsl.Formal, def value, literal string) (value, bool) {
	name := "--set " + f.Name.Name
	src := []byte("edition 1\nfunc set() = " + literal + "\n")
	e.info.Sources[name] = src // for a message about the literal
	file, diags := dsl.Parse(name, src)
	var v value = bad{}
	if _, isText := def.(text); isText && (diags.HasErrors() || !strings.HasPrefix(literal, `"`)) {
		v = text(literal)
	} else if !diags.HasErrors() && len(file.Decls) == 1 && file.Decls[0].Func != nil && isLiteral(literal) {
		fr := &frame{src: &source{name: name, src: src, ast: file}, scope: newScope(nil), place: inFunc, run: newRun("")}
		v = e.single(fr, file.Decls[0].Func.Body)
	}
	if isBad(v) {
		e.report(diag.BadOverride, f.Span(), "--set %s=%s is not a value", f.Name.Name, literal)
		return v, false
	}
	if v.kind() != def.kind() {
		e.report(diag.BadOverride, f.Span(), "--set %s=%s gives %s, and %s is %s", f.Name.Name, literal, v.kind(), f.Name.Name, def.kind())
		return v, false
	}
	return v, true
}

// isLiteral reports whether a text has no names but true, false and none.
func isLiteral(s string) bool {
	inText := false
	for _, w := range strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			inText = !inText
		}
		return inText || !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_')
	}) {
		switch w {
		case "true", "false", "none", "e", "E":
		default:
			return false
		}
	}
	return true
}

// entryStmt finds an entry of the model by name.
func (e *evaluator) entryStmt(fr *frame, name string) value {
	if e.en == nil || e.en.root == nil || fr.src != e.model.src || fr.place == inFunc || fr.place == inBlock {
		return nil
	}
	for _, s := range e.model.decl.Unit.Body {
		if s.Entry != nil && s.Entry.Name.Name == name {
			return entryRef{s}
		}
	}
	return nil
}

// applyEntry runs an entry's statements where a stage names it.
func (e *evaluator) applyEntry(fr *frame, ref entryRef, args []argument, at diag.Span) value {
	name := ref.stmt.Entry.Name.Name
	c := &callable{name: name, src: e.model.src, inputs: inputsOf(ref.stmt.Entry.Body.Stmts, nil)}
	for _, a := range e.stack {
		if a.callee.decl == nil && a.callee.intr == nil && a.callee.name == name {
			e.report(diag.Recursion, at, "the entry %s applies itself", name)
			return bad{}
		}
	}
	inputs, rest, ok := e.splitInputs(c, nil, args, at)
	if !ok {
		return bad{}
	}
	if len(rest) > 0 {
		e.report(diag.TooManyArguments, rest[0].at, "the entry %s takes %s", name, countInputs(len(c.inputs)))
		return bad{}
	}
	f := e.en.root.child(inEntry)
	key := name
	if n := e.en.entryCalls[name]; n > 0 {
		key += "@" + itoa(n)
	}
	e.en.entryCalls[name]++
	f.run = newRun(key)
	f.run.outer = e.en.root.run
	f.axes = map[string][]int{}
	f.bound = inputs
	f.unit = name
	f.train = fr.train
	e.stack = append(e.stack, activation{c, at})
	e.body(f, ref.stmt.Entry.Body.Stmts)
	e.stack = e.stack[:len(e.stack)-1]
	if len(f.outputs) == 0 {
		return bad{}
	}
	return results(f.outputs)
}

// prune removes what nothing needs: instructions, reads, and the inputs of the
// model's body that an entry or train block does not use. It marks what only
// metrics need.
func (en *entryState) prune(bodyInputs int, keepInputs bool) {
	f := en.entry.Func
	live, needed := make(map[*ir.Value]bool, 2*len(f.Instrs)), make(map[*ir.Value]bool, 2*len(f.Instrs))
	var solid []*ir.Value // results beside metrics
	if len(en.entry.Outputs) > 0 && en.entry.Kind != ir.Forward {
		solid = append(solid, en.entry.Outputs[0].Value)
	} else {
		for _, o := range en.entry.Outputs {
			solid = append(solid, o.Value)
		}
	}
	for _, s := range en.entry.Stores {
		if s.Var.Kind != ir.MetricState {
			solid = append(solid, s.Value)
		}
	}
	mark(live, f.Results)
	mark(needed, solid)
	f.Instrs = slices.DeleteFunc(f.Instrs, func(i *ir.Instr) bool { return !anyOf(live, i.Results) })
	for _, i := range f.Instrs {
		i.Metric = !anyOf(needed, i.Results)
	}
	en.entry.Reads = slices.DeleteFunc(en.entry.Reads, func(r ir.Read) bool { return !live[r.Value] })
	var inputs []ir.Input
	for k, in := range en.entry.Inputs {
		if live[in.Value] || keepInputs || k >= bodyInputs {
			inputs = append(inputs, in)
			live[in.Value] = true
		}
	}
	en.entry.Inputs = inputs
	f.Params = slices.DeleteFunc(f.Params, func(v *ir.Value) bool { return !live[v] })
	for i, v := range f.Params {
		v.Index = i
	}
}

func anyOf(set map[*ir.Value]bool, vs []*ir.Value) bool {
	return slices.ContainsFunc(vs, func(v *ir.Value) bool { return set[v] })
}

// mark adds everything that vs depend on.
func mark(set map[*ir.Value]bool, vs []*ir.Value) {
	for work := slices.Clone(vs); len(work) > 0; {
		v := work[len(work)-1]
		work = work[:len(work)-1]
		if v == nil || set[v] {
			continue
		}
		set[v] = true
		if v.Def != nil {
			work = append(work, v.Def.Args...)
		}
	}
}

// differentiable lists the values that x depends on through what has a gradient.
func differentiable(x *ir.Value) map[*ir.Value]bool {
	return reached(x, func(v *ir.Value) bool { return v.Type.DType.IsFloat() })
}

// reached lists the values that x depends on by way of values that through
// accepts, and not through a stop_gradient.
func reached(x *ir.Value, through func(*ir.Value) bool) map[*ir.Value]bool {
	set := map[*ir.Value]bool{}
	for work := []*ir.Value{x}; len(work) > 0; {
		v := work[len(work)-1]
		work = work[:len(work)-1]
		if set[v] || !through(v) {
			continue
		}
		set[v] = true
		if v.Def == nil {
			continue
		}
		if _, stop := v.Def.Op.(op.StopGradient); !stop {
			work = append(work, v.Def.Args...)
		}
	}
	return set
}

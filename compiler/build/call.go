package build

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// argument is a value that a caller gives, with its place.
type argument struct {
	name string // "" for a positional one
	v    value
	at   diag.Span // of the value
	key  diag.Span // of the name
}

// entryRef is an entry of the model, which a stage may apply.
type entryRef struct{ stmt *dsl.Stmt }

func (entryRef) kind() string { return "an entry" }

// stage applies one stage of a pipe.
func (e *evaluator) stage(fr *frame, v value, at diag.Span, st *dsl.Stage) value {
	if isBad(v) {
		e.skipStage(fr, st)
		return bad{}
	}
	piped := []argument{{v: v, at: at}}
	if t, ok := v.(tuple); ok {
		piped = piped[:0]
		for _, x := range t {
			if isBad(x) {
				e.skipStage(fr, st)
				return bad{}
			}
			piped = append(piped, argument{v: x, at: at})
		}
	}
	defer e.labelStage(fr, st.Span())()
	if st.Op != nil {
		return e.labelledStage(fr, piped, st)
	}
	target := e.stageTarget(fr, st.Ref)
	if isBad(target) {
		return target
	}
	return e.call(fr, target, piped, st.Args, st.Span(), st)
}

// skipStage notes the label of a stage that is not run because of an earlier
// error, so that later uses of it do not report again.
func (e *evaluator) skipStage(fr *frame, st *dsl.Stage) {
	if st.Op != nil && fr.run != nil {
		fr.run.broken = true
	}
}

// labelStage sets the readable origin of what a stage emits.
func (e *evaluator) labelStage(fr *frame, at diag.Span) func() {
	if fr.src.prelude {
		return func() {}
	}
	old := e.en.fn.b.Label
	e.en.fn.b.Label = e.originText(fr.src, at)
	b := e.en.fn.b
	return func() { b.Label = old }
}

// originText is sourceText, kept for the next run of the same text.
func (e *evaluator) originText(src *source, at diag.Span) string {
	s, ok := e.texts[at]
	if !ok {
		s = sourceText(src, at)
		e.texts[at] = s
	}
	return s
}

// sourceText is the text at a span on one line, cut to a readable length.
func sourceText(src *source, at diag.Span) string {
	if at.Start < 0 || at.End > len(src.src) || at.Start > at.End {
		return ""
	}
	s := strings.Join(strings.Fields(string(src.src[at.Start:at.End])), " ")
	if len(s) > 64 {
		s = s[:61] + "..."
	}
	return s
}

// labelledStage applies `label: Op(args)`.
func (e *evaluator) labelledStage(fr *frame, piped []argument, st *dsl.Stage) value {
	label, ok := e.label(fr, st.Ref)
	c := e.path(fr, st.Op)
	if !ok || c == nil {
		fr.run.broken = true
		return bad{}
	}
	args, ok := e.arguments(fr, st.Args)
	if !ok {
		fr.run.broken = true
		return bad{}
	}
	if !c.isLayer() {
		return e.apply(fr, c, nil, piped, args, st.Span())
	}
	if fr.inst == nil {
		e.report(diag.StatementPlace, st.Ref.Span(), "a label names parameters, which %s cannot have", fr.place)
		return bad{}
	}
	in := e.instanceAt(fr, label, c, st, st.Ref.Span())
	if in == nil {
		return bad{}
	}
	if in.label == "" {
		in.label, in.set = e.en.fn.b.Label, fr.set
	}
	return e.apply(fr, c, in, piped, args, st.Span())
}

// label evaluates the indices of a Ref and joins its parts with dots.
func (e *evaluator) label(fr *frame, ref *dsl.Ref) (string, bool) {
	label := ref.Name.Name
	for _, p := range ref.Parts {
		if p.Member != nil {
			label += "." + p.Member.Name
			continue
		}
		v := e.or(fr, p.Index)
		n, ok := v.(number)
		if !ok || !n.isWhole() {
			if !isBad(v) {
				e.report(diag.ArgumentKind, p.Span(), "the index of a label must be a whole number, not %s", describe(v))
			}
			return "", false
		}
		label += "." + n.String()
	}
	return label, true
}

// path finds the callable of a dotted name.
func (e *evaluator) path(fr *frame, p *dsl.Path) *callable {
	id := p.Names[0]
	if len(p.Names) == 1 {
		if c := e.find(fr.src, id.Name); c != nil {
			return c
		}
		e.unknown(fr, id, true)
		return nil
	}
	s, ok := fr.src.imports[id.Name]
	if !ok {
		e.report(diag.UnknownName, id.Span(), "no import is called %s", id.Name)
		return nil
	}
	fr.src.used[id.Name] = true
	if len(p.Names) > 2 {
		e.report(diag.UnknownName, p.Span(), "only one import may stand before a name")
		return nil
	}
	c, _ := e.member(fr, module{s}, p.Names[1], p.Span()).(*callable)
	return c
}

// stageTarget finds what an unlabelled stage applies: a value, then a label, an
// entry, an imported or declared unit, a library word.
func (e *evaluator) stageTarget(fr *frame, ref *dsl.Ref) value {
	v := e.name(fr, ref.Name, true)
	at := ref.Name.Span()
	for _, p := range ref.Parts {
		if isBad(v) {
			return v
		}
		at = at.Join(p.Span())
		if p.Member != nil {
			v = e.member(fr, v, p.Member, at)
			continue
		}
		i := e.or(fr, p.Index)
		if l, ok := v.(labels); ok {
			if n, ok := i.(number); ok {
				v = e.labelled(fr, l, n.String(), at)
				continue
			}
		}
		v = e.element(v, i, at)
	}
	return v
}

// arguments evaluates the arguments of a call.
func (e *evaluator) arguments(fr *frame, args *dsl.Args) ([]argument, bool) {
	if args == nil {
		return nil, true
	}
	out := make([]argument, 0, len(args.List))
	ok := true
	for _, n := range args.List {
		a := argument{v: e.single(fr, n.Value), at: e.argumentSpan(fr, n.Value)}
		if n.Name != nil {
			a.name, a.key = n.Name.Name, n.Name.Span()
		}
		if isBad(a.v) {
			ok = false
		}
		out = append(out, a)
	}
	return out, ok
}

// argumentSpan is the place to blame for an argument: the caller's, when library
// code hands its own argument on.
func (e *evaluator) argumentSpan(fr *frame, x *dsl.Expr) diag.Span {
	return e.blame(fr, x.Postfix(), x.Span())
}

// call applies a target to piped values and written arguments. node identifies
// the call for unlabelled instances.
func (e *evaluator) call(fr *frame, target value, piped []argument, written *dsl.Args, at diag.Span, node any) value {
	args, ok := e.arguments(fr, written)
	if !ok {
		return bad{}
	}
	if e.standIn != "" {
		if _, ok := target.(tensor); ok {
			e.report(diag.UpdateTarget, at, "a layer is applied while each of its tensors is updated")
			return bad{}
		}
	}
	switch t := target.(type) {
	case *instance:
		return e.apply(fr, t.callee, t, piped, args, at)
	case entryRef:
		return e.applyEntry(fr, t, append(piped, args...), at)
	case *callable:
		if piped == nil && t.isInitializer() && needsShape(t, args) {
			return &initializer{t, args}
		}
		if t.isLayer() {
			return e.anonymous(fr, t, piped, args, at, node)
		}
		return e.apply(fr, t, nil, piped, args, at)
	case *initializer: // init(shape)
		return e.apply(fr, t.fn, nil, nil, append(append(piped, args...), t.args...), at)
	case bad:
	default:
		e.report(diag.UnknownLayer, at, "%s cannot be applied", describe(target))
	}
	return bad{}
}

// needsShape reports whether a call of an initializer leaves out the shape,
// which a declaration will supply.
func needsShape(c *callable, args []argument) bool {
	for _, a := range args {
		if a.name == "shape" {
			return false
		}
	}
	if len(args) == 0 || args[0].name != "" {
		return true
	}
	_, isShape := args[0].v.(list)
	return !isShape
}

// anonymous applies a block without a label. If it turns out to have parameters
// it takes its operator's name.
func (e *evaluator) anonymous(fr *frame, c *callable, piped, args []argument, at diag.Span, node any) value {
	if fr.inst == nil {
		// Optimizers and metrics have no parameters of their own; a block without
		// any is only its body.
		in := newInstance(nil, c.name, c, node, at)
		in.anon = true
		return e.apply(fr, c, in, piped, args, at)
	}
	if prev, ok := fr.run.layers[c.name]; ok { // the first one has parameters
		e.report(diag.LabelNeeded, at, "a second %s without a label", c.name).Also(prev, "the first one").
			HelpText("label both, such as `fc1: %s(...)`, because a counter would rename weights when the model changes", c.name)
		return bad{}
	}
	n := fr.run.count(c.name)
	key := c.name
	if n > 0 {
		key = c.name + "#" + itoa(n)
	}
	in := fr.inst.children["#"+key]
	if in == nil {
		in = newInstance(fr.inst, c.name, c, node, at)
		in.anon, in.label, in.set = true, e.en.fn.b.Label, fr.set
		fr.inst.children["#"+key] = in
	}
	v := e.applyKeyed(fr, c, in, piped, args, at, fr.run.key+"/"+key)
	if len(in.tensors()) > 0 {
		e.nameAnonymous(fr, in, at)
	}
	return v
}

// nameAnonymous gives an unlabelled layer with parameters its operator's name,
// once in a unit.
func (e *evaluator) nameAnonymous(fr *frame, in *instance, at diag.Span) {
	name := in.callee.name
	if prev, ok := fr.run.seen[name]; ok {
		e.report(diag.DuplicateLabel, at, "the label %s is used twice", name).Also(prev, "the first use")
		return
	}
	note(&fr.run.layers, name, at)
	note(&fr.run.seen, name, at)
	if _, ok := fr.inst.children[name]; !ok {
		fr.inst.children[name] = in
		fr.inst.order = append(fr.inst.order, name)
	}
}

// apply runs a callable. in is the instance of a block, nil for others. piped is
// nil in call form.
func (e *evaluator) apply(fr *frame, c *callable, in *instance, piped, args []argument, at diag.Span) value {
	key := ""
	if in != nil {
		key = in.path
	}
	return e.applyKeyed(fr, c, in, piped, args, at, key)
}

func (e *evaluator) applyKeyed(fr *frame, c *callable, in *instance, piped, args []argument, at diag.Span, key string) value {
	if e.stop || !e.step(at) {
		return bad{}
	}
	for _, a := range e.stack {
		if a.callee == c && c.decl != nil {
			e.recursion(c, at)
			return bad{}
		}
	}
	if anyBad(piped) || anyBad(args) {
		return bad{}
	}
	if !fr.src.prelude {
		old := e.site
		e.site = at
		defer func() { e.site = old }()
	}
	all := args
	if len(piped) > 0 && !c.isUnit() {
		all = append(piped[:len(piped):len(piped)], args...)
	}
	if !fr.src.prelude {
		e.doubled(c.name, all, at)
	}
	if c.intr != nil {
		return e.made(c, e.callIntrinsic(fr, c.intr, all, at))
	}
	e.stack = append(e.stack, activation{c, at})
	defer func() { e.stack = e.stack[:len(e.stack)-1] }()
	if c.decl.Func != nil {
		return e.made(c, e.applyFunc(fr, c, all, at))
	}
	if !c.isLayer() {
		e.report(diag.StatementPlace, at, "%s is %s and stands in a statement of its own", c.name, c.kind())
		return bad{}
	}
	return e.made(c, e.applyUnit(fr, c, in, piped, args, at, key))
}

// made notes which library word gave a value, for lints.
func (e *evaluator) made(c *callable, v value) value {
	if c.name != "softmax" && c.name != "sigmoid" {
		return v
	}
	if t, ok := v.(tensor); ok && c.inPrelude() {
		e.madeBy[t.v] = c.name
	}
	return v
}

func anyBad(args []argument) bool {
	for _, a := range args {
		if isBad(a.v) {
			return true
		}
	}
	return false
}

func (e *evaluator) recursion(c *callable, at diag.Span) {
	var names []string
	on := false
	for _, a := range e.stack {
		on = on || a.callee == c
		if on {
			names = append(names, a.callee.name)
		}
	}
	e.report(diag.Recursion, at, "%s uses itself: %s", c.name, strings.Join(append(names, c.name), " -> ")).
		Also(c.declared(), "declared here")
}

// applyFunc evaluates a function's expression. It sees its file's declarations
// and its arguments; random draws and labels belong to the caller's unit.
func (e *evaluator) applyFunc(fr *frame, c *callable, args []argument, at diag.Span) value {
	f := &frame{src: c.src, scope: newScope(nil), inst: fr.inst, run: fr.run, set: fr.set, place: inFunc, unit: c.name, callee: c,
		state: fr.state, train: fr.train}
	if !e.bindFormals(f, c, args, at) {
		return bad{}
	}
	if !c.src.prelude {
		defer e.labelStage(f, c.decl.Func.Body.Span())()
	}
	v := e.expr(f, c.decl.Func.Body)
	return v
}

// bindFormals binds arguments in order and by name, and the defaults of others.
func (e *evaluator) bindFormals(f *frame, c *callable, args []argument, at diag.Span) bool {
	formals := c.formals()
	given := make([]*argument, len(formals))
	next, ok := 0, true
	for i := range args {
		a := &args[i]
		k := next
		if a.name != "" {
			if k = formalIndex(formals, a.name); k < 0 {
				e.unknownArgument(c, a)
				ok = false
				continue
			}
		} else if next++; k >= len(formals) {
			d := e.report(diag.TooManyArguments, a.at, "%s takes %s", c.name, countArguments(len(formals)))
			if !c.inPrelude() {
				d.Also(c.declared(), "declared here")
			}
			return false
		}
		if given[k] != nil {
			e.report(diag.ArgumentTwice, a.at, "%s is given twice", formals[k].Name.Name).Also(given[k].at, "the first value")
			ok = false
			continue
		}
		given[k] = a
	}
	for i, fo := range formals {
		if !ok {
			break
		}
		name := fo.Name.Name
		switch {
		case given[i] != nil:
			ok = e.checkKind(c, fo, given[i])
			b := f.setName(name, given[i].v, given[i].at)
			b.argument = true
		case name == "init" && f.set.init != nil && c.isLayer():
			f.setName(name, f.set.init, diag.Span{})
		case fo.Default == nil:
			e.missingArgument(f, c, name, at)
			ok = false
		default:
			b := f.setName(name, e.single(f, fo.Default), fo.Default.Span())
			b.argument = true
			if f.src.prelude {
				b.at = at
			}
		}
	}
	return ok
}

func formalIndex(formals []*dsl.Formal, name string) int {
	for i, f := range formals {
		if f.Name.Name == name {
			return i
		}
	}
	return -1
}

func countArguments(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return "at most " + itoa(n) + " arguments"
}

func (e *evaluator) missingArgument(f *frame, c *callable, name string, at diag.Span) {
	d := e.report(diag.MissingArgument, at, "%s needs the argument %s", c.name, name)
	if f.inst != nil && f.inst.applied && !f.inst.shared && f.inst.path != "" {
		d.Also(f.inst.at, "this has its arguments, but is not shared").
			HelpText("to apply it again, declare it with `layer %s = %s(...)` and write `-> %[1]s` each time", lastLabel(f.inst.path), c.name)
		return
	}
	if f.inst != nil && f.inst.shared && !e.isPrelude(f.inst.at.File) {
		d.Also(f.inst.at, f.inst.path+" is declared here")
		return
	}
	if !c.inPrelude() {
		d.Also(c.declared(), "declared here")
	} else if len(c.inputs) > 0 {
		d.HelpText("in a call the inputs come first, as in %s(x, %s); in a pipe they come before, as in x -> %[1]s(%[2]s)", c.name, name)
	}
}

// lastLabel is the label at the end of a path.
func lastLabel(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func (e *evaluator) unknownArgument(c *callable, a *argument) {
	var names []string
	optimizer := c.isUnit() && c.decl.Kind == "optimizer" // whose inputs nobody passes
	for _, in := range c.inputs {
		if !optimizer {
			names = append(names, in.Tensor.Name.Name)
		}
	}
	for _, f := range c.formals() {
		names = append(names, f.Name.Name)
	}
	if optimizer {
		names = append(names, commonNames...)
	}
	d := e.report(diag.UnknownArgument, a.key, "%s has no argument %s", c.name, a.name)
	if s := diag.Suggest(a.name, names); s != "" {
		d.HelpText("did you mean %s?", s)
	} else if s, ok := foreignArguments[a.name]; ok && containsString(names, s) {
		d.HelpText("did you mean %s?", s)
	} else if len(names) > 0 {
		d.HelpText("it has %s", strings.Join(names, ", "))
	}
}

// foreignArguments maps arguments of other systems to the library's.
var foreignArguments = map[string]string{"dim": "axis", "keepdim": "keepdims", "kernel_size": "kernel", "filters": "channels", "units": "features",
	"out_features": "features", "out_channels": "channels", "strides": "stride", "rate": "p", "num_heads": "heads", "use_bias": "bias",
	"learning_rate": "lr", "beta_1": "betas", "beta_2": "betas", "epsilon": "eps", "alpha": "negative_slope", "num_layers": "layers",
	"hidden_size": "hidden", "correction": "correction", "num_groups": "groups", "clipnorm": "clip_norm", "global_clipnorm": "clip_norm",
	"max_norm": "clip_norm", "max_grad_norm": "clip_norm", "clipvalue": "clip_value", "ema_momentum": "ema", "ema_decay": "ema",
	"gradient_accumulation_steps": "accumulate", "accumulation_steps": "accumulate"}

func containsString(list []string, s string) bool { return indexOf(list, s) >= 0 }

// checkKind compares a given value with the kind of the formal's default.
func (e *evaluator) checkKind(c *callable, f *dsl.Formal, a *argument) bool {
	if c.inPrelude() && !e.checkSize(c, f, a) {
		return false
	}
	p := f.Default.Primary()
	if p == nil || isBad(a.v) || isNone(a.v) {
		return true
	}
	want, ok := "", true
	switch {
	case p.Bool != "":
		want = "a bool"
		_, ok = a.v.(boolean)
	case p.Text != nil:
		want = "a string"
		_, ok = a.v.(text)
	case p.Int != "" || p.Float != "":
		want = "a number"
		switch a.v.(type) {
		case text: // a word of the library may take both, as padding = "same"
			ok = c.inPrelude() && f.Name.Name == "padding"
		case boolean, *instance, *callable, *initializer, element:
			ok = false
		}
	case p.IsList:
		want = "a list"
		switch a.v.(type) {
		case text, boolean, *instance, *callable, *initializer, element:
			ok = false
		}
	}
	if !ok {
		e.report(diag.ArgumentKind, a.at, "%s of %s is %s, and this is %s", f.Name.Name, c.name, want, describe(a.v))
	}
	return ok
}

// sizeArguments are the library's arguments that count something, so that they
// are at least 1.
var sizeArguments = map[string]bool{"features": true, "channels": true, "kernel": true, "stride": true, "dilation": true, "groups": true,
	"hidden": true, "layers": true, "heads": true, "vocab": true, "top": true, "classes": true}

// checkSize refuses counts below 1.
func (e *evaluator) checkSize(c *callable, f *dsl.Formal, a *argument) bool {
	if !sizeArguments[f.Name.Name] || c.decl == nil {
		return true
	}
	items, ok := a.v.(list)
	if !ok {
		items = list{a.v}
	}
	for _, v := range items {
		if n, ok := v.(number); ok && n.cmp(integer(1)) < 0 {
			e.report(diag.ArgumentRange, a.at, "%s of %s is at least 1, and this is %s", f.Name.Name, c.name, show(a.v))
			return false
		}
	}
	return true
}

// itoa prints a small number.
func itoa(n int) string { return integer(int64(n)).String() }

// results turns the outputs of a unit into one value or a tuple.
func results(out []output) value {
	if len(out) == 1 {
		return out[0].v
	}
	t := make(tuple, len(out))
	for i, o := range out {
		t[i] = o.v
	}
	return t
}

// typeOf is a shorthand for the type of a tensor value.
func typeOf(v value) (ir.Type, bool) {
	t, ok := v.(tensor)
	if !ok {
		return ir.Type{}, false
	}
	return t.v.Type, true
}

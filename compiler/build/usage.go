package build

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// usage notes which names of the user's files are read, over all runs of a body.
type usage struct {
	defs  map[diag.Span]*definition
	order []*definition
	// layers are the declared ones; params the stored tensors.
	layers map[diag.Span]*definition
}

type usedKind uint8

const (
	usedValue usedKind = iota
	usedDim
	usedInput
	usedArgument
	usedLayer
)

// definition is one place that gives a name a value.
type definition struct {
	name string
	at   diag.Span
	kind usedKind
	used bool
	// among are the names that one assignment binds; using one of them is enough.
	among *definition
}

func newUsage() usage {
	return usage{defs: map[diag.Span]*definition{}, layers: map[diag.Span]*definition{}}
}

// define notes a binding of a name in the user's text.
func (u *usage) define(fr *frame, id *dsl.Ident, b *binding, kind usedKind) {
	if fr.src.prelude {
		return
	}
	at := id.Span()
	d := u.defs[at]
	if d == nil {
		d = &definition{name: id.Name, at: at, kind: kind}
		u.defs[at] = d
		u.order = append(u.order, d)
	}
	b.def = d
}

func (u *usage) use(b *binding) {
	if b.def != nil {
		b.def.used = true
		if b.def.among != nil {
			b.def.among.used = true
		}
	}
}

// together ties the names of one assignment.
func (u *usage) together(ids []*dsl.Target) {
	first := u.defs[ids[0].Name.Span()]
	for _, t := range ids {
		if d := u.defs[t.Name.Span()]; d != nil {
			d.among = first
		}
	}
}

// useName marks a name that is used without being evaluated.
func (u *usage) useName(fr *frame, name string) {
	if b := fr.scope.find(name); b != nil {
		u.use(b)
	}
}

// defineLayer notes a layer statement.
func (u *usage) defineLayer(fr *frame, ref *dsl.Ref, in *instance) {
	if fr.src.prelude {
		return
	}
	at := ref.Span()
	d := u.layers[at]
	if d == nil {
		d = &definition{name: in.path, at: at, kind: usedLayer}
		u.layers[at] = d
		u.order = append(u.order, d)
	}
	in.def = d
}

// lint adds warnings. They are about names, so they stand even where there are
// errors, except that what an error kept from being read is not called unused.
func (e *evaluator) lint(src *source) {
	e.nearDimensions(src)
	if e.diags.HasErrors() {
		return
	}
	for _, d := range e.uses.order {
		if d.used || d.among != nil && d.among.used || strings.HasPrefix(d.name, "_") {
			continue
		}
		switch d.kind {
		case usedValue:
			e.add(diag.New(diag.UnusedValue, d.at, "the value %s is never used", d.name).HelpText("a name that starts with _ is left alone"))
		case usedArgument:
			e.add(diag.New(diag.UnusedArgument, d.at, "the argument %s is never used", d.name))
		case usedInput:
			e.add(diag.New(diag.UnusedInput, d.at, "the input %s is never used", d.name))
		case usedLayer:
			e.add(diag.New(diag.UnusedLayer, d.at, "the layer %s is never applied", d.name))
		}
	}
	for _, s := range e.loader.order {
		for _, alias := range sortedKeys(s.imports) {
			if !s.used[alias] {
				e.add(diag.New(diag.UnusedImport, s.importAt[alias], "the import %s is never used", alias))
			}
		}
	}
	e.unusedParameters()
}

// unusedParameters finds stored tensors that no entry reads.
func (e *evaluator) unusedParameters() {
	if e.prog == nil {
		return
	}
	read := map[*ir.Var]bool{}
	for _, en := range e.prog.Entries {
		for _, r := range en.Reads {
			read[r.Var] = true
		}
	}
	for _, x := range e.vars {
		if x.Kind == ir.Param && !read[x.Var] && !e.isPrelude(x.Pos.File) {
			e.add(diag.New(diag.UnusedParameter, x.Pos, "the parameter %s is never read", x.Name))
		}
	}
}

// nearDimensions warns about a dimension name that stands once and is one edit
// away from another of its unit.
func (e *evaluator) nearDimensions(src *source) {
	for _, d := range src.ast.Decls {
		if d.Unit == nil {
			continue
		}
		count := map[string]int{}
		for _, t := range d.Tokens {
			count[t.Value]++
		}
		names := map[string]*dsl.Ident{}
		collectDims(d.Unit.Body, names)
		for _, name := range sortedKeys(names) {
			if count[name] > 1 || len(name) < 4 {
				continue
			}
			for _, other := range sortedKeys(names) {
				first := names[other].Span().Start < names[name].Span().Start
				if other != name && (count[other] > 1 || first) && nearlyEqual(name, other) {
					e.add(diag.New(diag.NearDimension, names[name].Span(), "the dimension %s stands once; did you mean %s?", name, other).
						Also(names[other].Span(), "this is "+other))
				}
			}
		}
	}
}

// collectDims gathers the bare names in the shapes of input statements.
func collectDims(body []*dsl.Stmt, names map[string]*dsl.Ident) {
	for _, s := range body {
		if s.Input != nil {
			for _, id := range dimNames(s.Input.Tensor.Shape) {
				if names[id.Name] == nil {
					names[id.Name] = id
				}
			}
		}
		for _, b := range s.Bodies() {
			collectDims(b, names)
		}
	}
}

// nearlyEqual reports whether two words differ by one edit: a letter more, less,
// changed, or two neighbours exchanged.
func nearlyEqual(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return false
	}
	if a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// doubled warns about words that undo or repeat what an argument's word did.
func (e *evaluator) doubled(name string, args []argument, at diag.Span) {
	if len(args) == 0 {
		return
	}
	t, ok := args[0].v.(tensor)
	if !ok {
		return
	}
	switch by := e.madeBy[t.v]; {
	case name == "cross_entropy" && by == "softmax":
		e.add(diag.New(diag.SoftmaxTwice, args[0].at, "cross_entropy takes logits, and this is a softmax").
			HelpText("give it what comes before the softmax"))
	case name == "binary_cross_entropy_with_logits" && by == "sigmoid":
		e.add(diag.New(diag.SigmoidTwice, args[0].at, "binary_cross_entropy_with_logits takes logits, and this is a sigmoid").
			HelpText("give it what comes before the sigmoid, or use binary_cross_entropy"))
	case name == "log" && by == "softmax":
		e.add(diag.New(diag.LogOfSoftmax, at, "the logarithm of a softmax loses small probabilities").HelpText("use log_softmax"))
	}
}

package build

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// instance is one use of a block or model: the owner of parameters and of the
// labels in it. It lives as long as the program; entries and train blocks run
// its body again and find the same instance by its label.
type instance struct {
	parent *instance
	path   string // label path, such as "h.0.attn"; "" for the model
	stored string // the same with names given by @name
	callee *callable
	node   any // the syntax that made it, to tell a second label from a second run
	at     diag.Span
	label  string // the source text of the stage that made it

	// args are the arguments given by `layer`; nil for a labelled stage, which
	// brings its own each time.
	args   []argument
	set    settings
	shared bool // declared by layer

	children map[string]*instance // by label within this unit
	order    []string
	vars     map[string]*variable // by stored name within this unit
	names    map[string]*variable // by the name in the text
	list     []*variable
	applied  bool
	anon     bool      // unlabelled, without parameters so far
	copyOf   *instance // of @init(layer)
	noted    bool      // has a row in the table of layers
	def      *definition
}

func (*instance) kind() string { return "a layer" }

// variable is a stored tensor while the program is built.
type variable struct {
	*ir.Var
	node  any // the statement that declared it
	owner *instance
	index int
}

func newInstance(parent *instance, label string, c *callable, node any, at diag.Span) *instance {
	in := &instance{parent: parent, callee: c, node: node, at: at, path: label, stored: label,
		children: map[string]*instance{}, vars: map[string]*variable{}, names: map[string]*variable{}}
	if parent != nil {
		in.path, in.stored = join(parent.path, label), join(parent.stored, label)
	}
	return in
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "." + b
}

// tensors lists the stored tensors of an instance and those inside it, in the
// order of their first application.
func (in *instance) tensors() []*variable {
	out := slices.Clone(in.list)
	for _, label := range in.order {
		out = append(out, in.children[label].tensors()...)
	}
	slices.SortStableFunc(out, func(a, b *variable) int { return a.index - b.index })
	return out
}

// relative is a tensor's name within an instance.
func (x *variable) relative(in *instance) string {
	if in.path == "" {
		return x.Ident
	}
	return strings.TrimPrefix(x.Ident, in.path+".")
}

// lookup finds an instance by its label within this unit, or a first part of one.
func (in *instance) lookup(label string) value {
	if c, ok := in.children[label]; ok {
		return c
	}
	for _, k := range in.order {
		if strings.HasPrefix(k, label+".") {
			return labels{in, label}
		}
	}
	return nil
}

// instanceAt returns the instance for a label in the unit that fr runs, made at
// the first time.
func (e *evaluator) instanceAt(fr *frame, label string, c *callable, node any, at diag.Span) *instance {
	if prev, ok := fr.run.seen[label]; ok {
		d := e.report(diag.DuplicateLabel, at, "the label %s is used twice", label)
		if prev != at {
			d.Also(prev, "the first use")
			d.HelpText("to share its weights, declare it with `layer %s = ...` and write `-> %s` twice", label, label)
		} else {
			d.HelpText("in a loop, write an index: %s[i]", label)
		}
		return nil
	}
	note(&fr.run.seen, label, at)
	if have, ok := fr.inst.children[label]; ok {
		if have.node != node {
			e.report(diag.DuplicateLabel, at, "the label %s is used twice", label).Also(have.at, "the first use").
				HelpText("to share its weights, declare it with `layer %s = ...` in the model's body", label)
			return nil
		}
		return have
	}
	in := newInstance(fr.inst, label, c, node, at)
	if fr.set.name != "" {
		in.stored = join(fr.inst.stored, fr.set.name)
	}
	fr.inst.children[label] = in
	fr.inst.order = append(fr.inst.order, label)
	return in
}

// declare makes or finds the stored tensor of a param, buffer or state statement
// and binds its name to the tensor's current value.
func (e *evaluator) declare(fr *frame, node *dsl.Stmt, kind ir.VarKind, t *dsl.Tensor) {
	name := t.Name.Name
	stored := name
	if fr.set.name != "" {
		stored = fr.set.name
	}
	if prev, ok := fr.run.seen["."+stored]; ok {
		d := e.report(diag.DuplicateName, t.Name.Span(), "%s is declared twice", stored)
		if prev != t.Name.Span() {
			d.Also(prev, "the first declaration")
		} else {
			d.HelpText("in a loop, give each its own stored name, such as @name(\"%s_{i}\")", name)
		}
		fr.assign(t.Name, bad{})
		return
	}
	note(&fr.run.seen, "."+stored, t.Name.Span())
	x := e.existing(fr, node, kind, stored)
	if x == nil {
		typ, ok := e.tensorType(fr, t, e.defaultDType(fr))
		if !ok {
			fr.assign(t.Name, bad{})
			return
		}
		if x = e.newVariable(fr, node, kind, t, stored, typ); x == nil {
			fr.assign(t.Name, bad{})
			return
		}
	} else if typ, ok := e.tensorType(fr, t, e.defaultDType(fr)); ok && !sameType(typ, x.Type) {
		e.report(diag.ShapeMismatch, t.Span(), "%s is %s here and %s in its first use", x.Name, op.TypeString(typ), op.TypeString(x.Type)).
			Also(x.Pos, "the first use").HelpText("a layer that is applied several times has one set of parameters")
		fr.assign(t.Name, bad{})
		return
	}
	fr.assign(t.Name, tensor{e.en.read(x)})
	fr.scope.here(name).stored = x
}

func sameType(a, b ir.Type) bool { return a.DType == b.DType && dim.EqualShapes(a.Shape, b.Shape) }

// existing finds a tensor that an earlier run of the same statement declared.
func (e *evaluator) existing(fr *frame, node *dsl.Stmt, kind ir.VarKind, stored string) *variable {
	if fr.state != nil {
		return fr.state.vars[stored]
	}
	x := fr.inst.vars[stored]
	if x != nil && kind == ir.SessionState && x.Entry != e.en.entry.Name {
		for _, y := range fr.inst.list {
			if y.node == node && y.Entry == e.en.entry.Name {
				return y
			}
		}
		return nil
	}
	return x
}

func (e *evaluator) defaultDType(fr *frame) dim.DType {
	if fr.set.dtype != dim.Invalid {
		return fr.set.dtype
	}
	if fr.state != nil && fr.state.dtype != dim.Invalid {
		return fr.state.dtype
	}
	return dim.Float32
}

// tensorType evaluates the dtype and shape of a declaration.
func (e *evaluator) tensorType(fr *frame, t *dsl.Tensor, def dim.DType) (ir.Type, bool) {
	typ := ir.Type{DType: def}
	if t.DType != nil {
		if typ.DType = e.dtype(t.DType); typ.DType == dim.Invalid {
			return typ, false
		}
	}
	ok := true
	for _, d := range t.Shape.Dims {
		if d.Ellipsis {
			if !fr.hasLead {
				e.report(diag.UnboundDimension, d.Span(), "`...` stands for the leading dimensions of an input, and no input pattern has it")
				ok = false
			}
			typ.Shape = append(typ.Shape, fr.lead...)
			continue
		}
		size, good := e.dim(fr, d.Size)
		ok = ok && good
		typ.Shape = append(typ.Shape, size)
	}
	if ok && tooLarge(typ) {
		e.report(diag.DimensionRange, t.Shape.Span(), "%s would be %s, which no machine can hold", t.Name.Name, op.TypeString(typ))
		ok = false
	}
	return typ, ok
}

func (e *evaluator) dtype(id *dsl.Ident) dim.DType {
	t, ok := dim.ParseDType(id.Name)
	if !ok || t == dim.Uint32 || t.Short() == id.Name && t.String() != id.Name {
		d := e.report(diag.UnknownDType, id.Span(), "there is no dtype %s", id.Name)
		if s := diag.Suggest(id.Name, dim.DTypeNames()); s != "" {
			d.HelpText("did you mean %s?", s)
		} else if s, ok := foreignDTypes[id.Name]; ok {
			d.HelpText("did you mean %s?", s)
		}
		return dim.Invalid
	}
	return t
}

var foreignDTypes = map[string]string{"float": "float32", "int": "int32", "long": "int64", "double": "float64", "half": "float16",
	"f32": "float32", "f64": "float64", "i32": "int32", "i64": "int64", "bf16": "bfloat16", "string": "int32", "byte": "uint8"}

// newVariable adds a stored tensor to the program.
func (e *evaluator) newVariable(fr *frame, node *dsl.Stmt, kind ir.VarKind, t *dsl.Tensor, stored string, typ ir.Type) *variable {
	v := &ir.Var{Kind: kind, Type: typ, Pos: e.userSpan(t.Span()), Frozen: fr.set.frozen, Roles: slices.Clone(fr.set.roles)}
	v.Label = e.en.fn.b.Label
	x := &variable{Var: v, node: node, owner: fr.inst, index: len(e.vars)}
	switch {
	case fr.state != nil:
		v.Name, v.Ident, v.Entry = fr.state.prefix+stored, fr.state.prefix+stored, fr.state.train
		fr.state.vars[stored] = x
		fr.state.list = append(fr.state.list, x)
	default:
		v.Name, v.Ident = join(fr.inst.stored, stored), join(fr.inst.path, t.Name.Name)
		if kind == ir.SessionState {
			v.Entry = e.en.entry.Name
			v.Name, v.Ident = v.Entry+"/"+v.Name, v.Entry+"/"+v.Ident
		}
		if other := fr.inst.vars[stored]; other == nil {
			fr.inst.vars[stored] = x
		}
		if _, ok := fr.inst.names[t.Name.Name]; !ok {
			fr.inst.names[t.Name.Name] = x
		}
		fr.inst.list = append(fr.inst.list, x)
	}
	if kind == ir.Param || kind == ir.Buffer {
		for i, d := range typ.Shape {
			if _, ok := d.Int(); !ok {
				e.report(diag.SymbolicParameter, t.Shape.Span(), "axis %d of %s would be %s, which is known only at run time", i, v.Name, d).
					HelpText("a parameter's size is fixed: use a number or an argument in the input's shape")
				return nil
			}
		}
		if y, ok := e.stored[v.Name]; ok {
			e.report(diag.DuplicateName, t.Name.Span(), "two tensors are stored as %s", v.Name).Also(y.Pos, "the other one")
			return nil
		}
		e.stored[v.Name] = x
	}
	e.vars = append(e.vars, x)
	e.prog.Vars = append(e.prog.Vars, v)
	e.initialize(fr, x, t)
	return x
}

package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// applyUnit runs the body of a block, or of a model used as one.
func (e *evaluator) applyUnit(fr *frame, c *callable, in *instance, piped, args []argument, at diag.Span, key string) value {
	set := fr.set
	set.name, set.copyOf = "", nil
	if in.shared {
		set = in.set
	}
	n := e.en.calls[in]
	e.en.calls[in]++
	if n > 0 {
		key += "@" + itoa(n)
	}
	f := &frame{src: c.src, scope: newScope(nil), inst: in, run: newRun(key), set: set, place: inBlock, unit: c.name, callee: c,
		axes: map[string][]int{}, train: fr.train}
	f.set = e.annotate(f, set, c.decl.Annots)
	inputs, rest, ok := e.splitInputs(c, piped, args, at)
	if !ok {
		return bad{}
	}
	if in.shared {
		for _, a := range rest {
			e.report(diag.TooManyArguments, a.at, "%s has its arguments from its declaration", in.path).Also(in.at, "declared here").
				HelpText("only inputs may be given when it is applied")
			return bad{}
		}
		rest = in.args
	}
	if !e.bindFormals(f, c, rest, at) {
		return bad{}
	}
	f.bound = inputs
	defer e.enterPath(in, f.set.remat)()
	first := !in.applied
	before := len(e.vars)
	e.body(f, c.decl.Unit.Body)
	in.applied = true
	if in.def != nil {
		in.def.used = true
	}
	if e.stop {
		return bad{}
	}
	if len(f.outputs) == 0 {
		if !f.run.broken {
			e.report(diag.MissingOutput, c.declared(), "%s has no output", c.name)
		}
		return bad{}
	}
	v := results(f.outputs)
	if first {
		e.layerRow(fr, c, in, inputs, v, before, at)
	}
	return v
}

// enterPath stamps what is emitted with the instance's label path.
func (e *evaluator) enterPath(in *instance, remat int) func() {
	b := e.en.fn.b
	path, old := b.Path, b.Remat
	if !in.anon || declaresParams(in.callee.decl.Unit.Body) {
		b.Path = in.path
	}
	b.Remat = remat
	return func() { b.Path, b.Remat = path, old }
}

// declaresParams reports whether a body declares stored tensors of its own.
func declaresParams(body []*dsl.Stmt) bool {
	for _, s := range body {
		if s.Param != nil || s.Buffer != nil {
			return true
		}
		for _, b := range s.Bodies() {
			if declaresParams(b) {
				return true
			}
		}
	}
	return false
}

// splitInputs divides the values of a call between a unit's inputs and its
// arguments.
func (e *evaluator) splitInputs(c *callable, piped, args []argument, at diag.Span) (map[string]argument, []argument, bool) {
	inputs := map[string]argument{}
	bind := func(in *dsl.Input, a argument) bool {
		name := in.Tensor.Name.Name
		if prev, ok := inputs[name]; ok {
			e.report(diag.ArgumentTwice, a.at, "the input %s is given twice", name).Also(prev.at, "the first value")
			return false
		}
		inputs[name] = a
		return true
	}
	ok := true
	if len(piped) > len(c.inputs) {
		e.report(diag.TooManyArguments, piped[len(c.inputs)].at, "%s takes %s, and %d values come in", c.name, countInputs(len(c.inputs)), len(piped))
		return nil, nil, false
	}
	for i, a := range piped {
		ok = bind(c.inputs[i], a) && ok
	}
	var rest []argument
	next := 0
	for _, a := range args {
		if a.name != "" {
			if in := inputNamed(c, a.name); in != nil {
				ok = bind(in, a) && ok
				continue
			}
		} else if piped == nil {
			for next < len(c.inputs) && isOptional(c.inputs[next]) {
				next++
			}
			if next < len(c.inputs) {
				ok = bind(c.inputs[next], a) && ok
				next++
				continue
			}
		}
		rest = append(rest, a)
	}
	for _, in := range c.inputs {
		name := in.Tensor.Name.Name
		if _, have := inputs[name]; !have && !isOptional(in) {
			e.report(diag.MissingArgument, at, "%s needs the input %s", c.name, name)
			return nil, nil, false
		}
	}
	return inputs, rest, ok
}

func countInputs(n int) string {
	if n == 1 {
		return "one input"
	}
	return itoa(n) + " inputs"
}

func inputNamed(c *callable, name string) *dsl.Input {
	for _, in := range c.inputs {
		if in.Tensor.Name.Name == name {
			return in
		}
	}
	return nil
}

// isOptional reports whether an input has the default none.
func isOptional(in *dsl.Input) bool { return in.Tensor.Init != nil }

// input runs an input statement: the value that the caller gave is matched with
// the pattern, which binds new dimension names.
func (e *evaluator) input(fr *frame, s *dsl.Stmt) {
	t := s.Input.Tensor
	if fr.bound == nil {
		e.entryInput(fr, s)
		return
	}
	a, ok := fr.bound[t.Name.Name]
	if !ok {
		v := value(bad{})
		if t.Init != nil {
			v = e.single(fr, t.Init)
		}
		fr.assign(t.Name, v)
		return
	}
	e.match(fr, t, a)
}

// match binds one input to a caller's value.
func (e *evaluator) match(fr *frame, t *dsl.Tensor, a argument) {
	if isNone(a.v) && t.Init != nil {
		fr.assign(t.Name, a.v)
		return
	}
	want := dim.Float32
	if t.DType != nil {
		if want = e.dtype(t.DType); want == dim.Invalid {
			fr.poison(t)
			return
		}
	}
	var v *ir.Value
	switch x := a.v.(type) {
	case tensor:
		v = x.v
	case list, text, boolean, none, *callable, *initializer, element, tuple:
		e.report(diag.ArgumentKind, a.at, "the input %s of %s is a tensor, and this is %s", t.Name.Name, e.unitName(fr), describe(a.v))
	default:
		v = e.tensorOf(a.at, x, want)
	}
	if v == nil {
		fr.poison(t)
		return
	}
	if t.DType != nil && v.Type.DType != want {
		d := e.report(diag.DTypeMismatch, a.at, "the input %s of %s is %s, and this is %s", t.Name.Name, e.unitName(fr), want, op.TypeString(v.Type))
		e.origins(d, v).HelpText("write cast(x, %s)", want)
		fr.poison(t)
		return
	}
	if v = e.matchShape(fr, t, v, a.at); v == nil {
		fr.poison(t)
		return
	}
	b := fr.setName(t.Name.Name, tensor{v}, a.at)
	if fr.place == inOptimizer && t == fr.callee.inputs[0].Tensor {
		b.stored = fr.state.param // `update p` changes the parameter
	}
	if fr.place != inOptimizer { // an optimizer's inputs are not its own choice
		e.uses.define(fr, t.Name, b, usedInput)
	}
}

// poison binds what an input would have bound to invalid values, so that an error
// is not followed by others about the same names.
func (fr *frame) poison(t *dsl.Tensor) {
	for _, d := range t.Shape.Dims {
		if d.Ellipsis {
			fr.hasLead = true
			continue
		}
		if p := d.Size.Postfix(); p != nil && p.Primary.Name != nil && len(p.Suffixes) == 0 && fr.scope.find(p.Primary.Name.Name) == nil {
			fr.assign(p.Primary.Name, bad{})
		}
	}
	fr.assign(t.Name, bad{})
}

// matchShape matches a tensor's shape with an input's pattern.
func (e *evaluator) matchShape(fr *frame, t *dsl.Tensor, v *ir.Value, at diag.Span) *ir.Value {
	dims := t.Shape.Dims
	shape := v.Type.Shape
	lead := -1
	for i, d := range dims {
		if d.Ellipsis {
			if lead >= 0 {
				e.report(diag.BadPattern, d.Span(), "a pattern may have one `...`")
				return nil
			}
			lead = i
		}
	}
	fixed := len(dims)
	if lead >= 0 {
		fixed--
	}
	if len(shape) < fixed || lead < 0 && len(shape) != fixed {
		atLeast := ""
		if lead >= 0 {
			atLeast = "at least "
		}
		d := e.report(diag.RankMismatch, at, "the input %s of %s has %s%s, and this is %s", t.Name.Name, e.unitName(fr), atLeast, countDims(fixed), op.TypeString(v.Type))
		e.origins(d, v)
		return nil
	}
	axis := 0
	for _, d := range dims {
		if d.Ellipsis {
			n := len(shape) - fixed
			if !fr.hasLead {
				fr.lead, fr.hasLead = shape[axis:axis+n:axis+n], true
			} else if v = e.matchLead(fr, t, v, axis, n, at); v == nil {
				return nil
			}
			axis += n
			continue
		}
		if v = e.matchDim(fr, t, d.Size, v, axis, at); v == nil {
			return nil
		}
		axis++
	}
	return v
}

func countDims(n int) string {
	if n == 1 {
		return "1 dimension"
	}
	return itoa(n) + " dimensions"
}

// matchLead compares what `...` matches with what it matched before.
func (e *evaluator) matchLead(fr *frame, t *dsl.Tensor, v *ir.Value, axis, n int, at diag.Span) *ir.Value {
	if n != len(fr.lead) {
		d := e.report(diag.RankMismatch, at, "the inputs of %s do not go together: their dimensions `...` are %s in one, and %s in %s", e.unitName(fr), op.ShapeString(fr.lead),
			op.ShapeString(v.Type.Shape[axis:axis+n]), t.Name.Name)
		e.proposeAxis(e.origins(d, append(e.boundTensors(fr), v)...), fr, v)
		return nil
	}
	for i := range n {
		if have := v.Type.Shape[axis+i]; !have.Equal(fr.lead[i]) && !mayEqual(have, fr.lead[i]) {
			d := e.report(diag.ShapeMismatch, at, "axis %d of the input %s of %s is %s, and in the other inputs it is %s",
				axis+i, t.Name.Name, e.unitName(fr), have, fr.lead[i])
			e.proposeAxis(e.origins(d, append(e.boundTensors(fr), v)...), fr, v)
			return nil
		}
		if v = e.requireDim(fr, t, v, axis+i, fr.lead[i], "", at); v == nil {
			return nil
		}
	}
	return v
}

// unitName is what the user calls the unit that fr runs: for the parts of a
// library word, the word.
func (e *evaluator) unitName(fr *frame) string {
	if !fr.src.prelude {
		return fr.unit
	}
	name := fr.unit
	for i := len(e.stack) - 1; i >= 0 && e.stack[i].callee.inPrelude(); i-- {
		name = e.stack[i].callee.name
	}
	return name
}

// boundTensors lists the tensors that the unit's other inputs were matched with.
func (e *evaluator) boundTensors(fr *frame) []*ir.Value {
	var out []*ir.Value
	for _, in := range fr.callee.inputs {
		if b := fr.scope.here(in.Tensor.Name.Name); b != nil {
			if t, ok := b.v.(tensor); ok {
				out = append(out, t.v)
			}
		}
	}
	return out
}

// proposeAxis adds help where a class axis that is not the last one explains a
// mismatch: without axis 1 the other input has the shape of v.
func (e *evaluator) proposeAxis(d *diag.Diagnostic, fr *frame, v *ir.Value) {
	for _, x := range e.boundTensors(fr) {
		s := x.Type.Shape
		if len(s) == len(v.Type.Shape)+1 && len(s) > 2 && dim.EqualShapes(append(append([]dim.Dim{}, s[0]), s[2:]...), v.Type.Shape) {
			d.HelpText("channels first? axis = 1 makes axis 1 the classes")
		}
	}
}

// matchDim matches one axis: a new name is bound, anything else must agree.
func (e *evaluator) matchDim(fr *frame, t *dsl.Tensor, x *dsl.Sum, v *ir.Value, axis int, at diag.Span) *ir.Value {
	if p := x.Postfix(); p != nil && p.Primary.Name != nil && len(p.Suffixes) == 0 {
		name := p.Primary.Name.Name
		fr.axes[name] = append(fr.axes[name], axis)
		if fr.scope.find(name) == nil {
			b := fr.setName(name, dimValue(v.Type.Shape[axis]), at)
			e.uses.define(fr, p.Primary.Name, b, usedDim)
			return v
		}
	}
	want, ok := e.dim(fr, x)
	if !ok {
		return nil
	}
	return e.requireDim(fr, t, v, axis, want, sumText(fr, x), at)
}

func sumText(fr *frame, x *dsl.Sum) string { return sourceText(fr.src, x.Span()) }

// requireDim requires an axis to have a dimension; what cannot be decided is
// checked on entry.
func (e *evaluator) requireDim(fr *frame, t *dsl.Tensor, v *ir.Value, axis int, want dim.Dim, what string, at diag.Span) *ir.Value {
	have := v.Type.Shape[axis]
	if have.Equal(want) {
		return v
	}
	if !mayEqual(have, want) {
		name := what
		if want.String() != what {
			name = what + " = " + want.String()
		}
		d := e.report(diag.ShapeMismatch, at, "axis %d of the input %s of %s is %s, and must be %s", axis, t.Name.Name, e.unitName(fr), have, name)
		e.origins(d, v)
		if b := fr.scope.find(what); b != nil && !b.at.IsZero() && !e.isPrelude(b.at.File) {
			d.Also(b.at, what+" is "+want.String()+" from here")
		}
		return nil
	}
	e.check(scalar.New(scalar.Eq, scalar.OfDim(have), scalar.OfDim(want)), have.String()+" must equal "+want.String(), at)
	return one(e.emit(at, op.Slice{Axis: axis, Start: dim.Const(0), Stop: want, Step: 1}, v))
}

// entryInput declares an input that the Go caller passes. New dimension names are
// symbols.
func (e *evaluator) entryInput(fr *frame, s *dsl.Stmt) {
	t := s.Input.Tensor
	for _, in := range e.en.entry.Inputs {
		if in.Name == t.Name.Name {
			e.report(diag.DuplicateName, t.Name.Span(), "two inputs are called %s", in.Name).Also(in.Pos, "the first one")
			fr.poison(t)
			return
		}
	}
	if t.Init != nil {
		e.report(diag.StatementPlace, t.Init.Span(), "an input of a model has no default; only a block's may be optional")
	}
	typ := ir.Type{DType: dim.Float32}
	ok := true
	if t.DType == nil {
		if fr.set.dtype != dim.Invalid {
			typ.DType = fr.set.dtype
		} else {
			e.report(diag.UnknownDType, t.Name.Span(), "the input %s of a model needs a dtype", t.Name.Name).HelpText("such as float32[batch, 784]")
			ok = false
		}
	} else if typ.DType = e.dtype(t.DType); typ.DType == dim.Invalid {
		ok = false
	}
	for i, d := range t.Shape.Dims {
		if d.Ellipsis {
			e.report(diag.BadPattern, d.Span(), "an input of a model gives all of its dimensions")
			ok = false
			continue
		}
		size, good := e.newDim(fr, d.Size, i)
		ok = ok && good
		typ.Shape = append(typ.Shape, size)
	}
	if ok && tooLarge(typ) {
		e.report(diag.DimensionRange, t.Shape.Span(), "%s would be %s, which no machine can hold", t.Name.Name, op.TypeString(typ))
		ok = false
	}
	if !ok {
		fr.poison(t)
		return
	}
	v := e.en.addInput(t.Name.Name, typ, s.Doc, t.Span())
	b := fr.setName(t.Name.Name, tensor{v}, t.Name.Span())
	e.uses.define(fr, t.Name, b, usedInput)
}

// newDim is a size in which a new name is a symbol.
func (e *evaluator) newDim(fr *frame, x *dsl.Sum, axis int) (dim.Dim, bool) {
	if p := x.Postfix(); p != nil && p.Primary.Name != nil && len(p.Suffixes) == 0 {
		id := p.Primary.Name
		fr.axes[id.Name] = append(fr.axes[id.Name], axis)
		if fr.scope.find(id.Name) == nil {
			d := dim.Sym(id.Name)
			b := fr.setName(id.Name, dimension{d}, id.Span())
			e.uses.define(fr, id, b, usedDim)
			return d, true
		}
	} else if id := e.unboundIn(fr, x); id != nil {
		e.report(diag.UnboundDimension, id.Span(), "%s is used in arithmetic before it is bound", id.Name).
			HelpText("a new name may stand alone in a shape; arithmetic may use it after that")
		return dim.Dim{}, false
	}
	return e.dim(fr, x)
}

// unboundIn finds a bare name in a sum that nothing binds.
func (e *evaluator) unboundIn(fr *frame, x *dsl.Sum) *dsl.Ident {
	for _, p := range append([]*dsl.Product{x.First}, x.Rest...) {
		for _, u := range append([]*dsl.Unary{p.First}, p.Rest...) {
			if u.Postfix == nil || u.Postfix.Primary.Name == nil || len(u.Postfix.Suffixes) > 0 {
				continue
			}
			id := u.Postfix.Primary.Name
			if fr.scope.find(id.Name) == nil && e.find(fr.src, id.Name) == nil {
				return id
			}
		}
	}
	return nil
}

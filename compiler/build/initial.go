package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// initialize evaluates a tensor's initial value into the function of an entry of
// initial values, where and when it is declared: loops rebind names later.
func (e *evaluator) initialize(fr *frame, x *variable, t *dsl.Tensor) {
	if x.Kind == ir.SessionState || x.Kind == ir.MetricState {
		e.zeroState(fr, x, t)
		return
	}
	if from := copySource(fr.inst); from != nil && fr.state == nil {
		e.copies = append(e.copies, copied{x, from})
		return
	}
	if key := (initialKey{x.node, e.site, len(x.Type.Shape)}); e.opt.Check && fr.src.prelude && e.initials[key] {
		return // the same statement of a library word was checked for this call
	} else {
		e.initials[key] = true
	}
	v := e.initialValue(fr, x, t)
	if v != nil {
		e.initOf(x).write(x, v, x.Pos)
	}
}

// initOf returns the entry of a tensor's initial value.
func (e *evaluator) initOf(x *variable) *entryState {
	if x.Kind == ir.OptState {
		return e.initState
	}
	return e.init
}

// initialKey tells initial values apart that could go wrong differently.
type initialKey struct {
	node any
	site diag.Span // of the user's call, whose argument may be the initializer
	rank int
}

// copied is a tensor that starts as a copy of another layer's.
type copied struct {
	x    *variable
	from *copyOrigin
}

// copyOrigin is a layer with @init(other).
type copyOrigin struct{ in, other *instance }

// copySource finds the nearest layer around in that starts as a copy.
func copySource(in *instance) *copyOrigin {
	for ; in != nil; in = in.parent {
		if in.copyOf != nil {
			return &copyOrigin{in, in.copyOf}
		}
	}
	return nil
}

// copyInitial gives layers with @init(other) the initial values of the other,
// whose tensors all exist by now.
func (e *evaluator) copyInitial() {
	for _, c := range e.copies {
		rel := c.x.relative(c.from.in)
		found := false
		for _, y := range c.from.other.tensors() {
			if y.relative(c.from.other) == rel && sameType(y.Type, c.x.Type) {
				if v, ok := e.init.current[y]; ok {
					e.init.write(c.x, v, c.x.Pos)
					found = true
				}
				found = found || e.opt.Check // which leaves out initial values that others stand for
			}
		}
		if !found {
			e.report(diag.BadAnnotation, c.from.in.at, "%s cannot start as a copy of %s, which has no tensor %s of the same shape",
				c.from.in.path, c.from.other.path, rel).Also(c.from.other.at, c.from.other.path+" is declared here")
		}
	}
}

// zeroState checks that a state starts at zero, which its owner sees to.
func (e *evaluator) zeroState(fr *frame, x *variable, t *dsl.Tensor) {
	if t.Init == nil {
		return
	}
	if id := t.Init.Name(); id != nil && id.Name == "zeros" {
		return
	}
	if n, ok := e.single(fr, t.Init).(number); ok && n.cmp(integer(0)) == 0 {
		return
	}
	e.report(diag.ArgumentKind, t.Init.Span(), "%s starts at zero each time: write `= zeros`", x.Name)
}

// initialValue emits the initial value of x; nil after an error.
func (e *evaluator) initialValue(fr *frame, x *variable, t *dsl.Tensor) *ir.Value {
	old := e.en
	e.en = e.initOf(x)
	defer func() { e.en = old }()
	b := e.en.fn.b
	b.Label, b.Path, b.Remat = x.Name, x.Ident, 0
	f := *fr
	f.run, f.place, f.state = newRun(x.Name), inFunc, nil
	at := t.Span()
	var v value
	switch {
	case t.Init != nil:
		at = t.Init.Span()
		v = e.single(&f, t.Init)
	case fr.set.init != nil && x.Kind == ir.Param:
		v = fr.set.init
	default:
		return e.zeros(at, x.Type)
	}
	return e.initialOf(&f, x, v, at)
}

// initialOf turns the value in initializer position into a tensor of x's type.
func (e *evaluator) initialOf(f *frame, x *variable, v value, at diag.Span) *ir.Value {
	shape := argument{v: shapeValue(x.Type.Shape), at: at}
	switch i := v.(type) {
	case bad:
		return nil
	case *initializer:
		v = e.apply(f, i.fn, nil, nil, append([]argument{shape}, i.args...), at)
	case *callable:
		if !i.isInitializer() {
			e.report(diag.ArgumentKind, at, "%s is not an initializer", i.name)
			return nil
		}
		v = e.apply(f, i, nil, nil, []argument{shape}, at)
	case *instance, text, list, boolean, none, element, tuple:
		e.report(diag.ArgumentKind, at, "the initial value of %s is an initializer, number or tensor, and this is %s", x.Name, describe(v))
		return nil
	}
	if isBad(v) {
		return nil
	}
	w := e.tensorOf(at, v, x.Type.DType)
	if w == nil {
		return nil
	}
	if e.en.fn.local(w) == nil {
		e.report(diag.TensorAsConstant, at, "the initial value of %s may not depend on inputs or other tensors", x.Name)
		return nil
	}
	if w.Type.DType != x.Type.DType {
		if !w.Type.DType.IsFloat() && x.Type.DType.IsFloat() || !x.Type.DType.IsFloat() && w.Type.DType.IsFloat() && !isZeroOne(w) {
			e.report(diag.DTypeMismatch, at, "%s is stored as %s, and its initial value is %s", x.Name, x.Type.DType, w.Type.DType)
			return nil
		}
		if w = one(e.emit(at, op.Cast{DType: x.Type.DType}, w)); w == nil {
			return nil
		}
	}
	common, ok := commonShape(w.Type.Shape, x.Type.Shape)
	if !ok || !dim.EqualShapes(common, x.Type.Shape) {
		e.report(diag.ShapeMismatch, at, "%s is %s, and its initial value is %s", x.Name, op.ShapeString(x.Type.Shape), op.ShapeString(w.Type.Shape))
		return nil
	}
	return e.broadcastTo(at, w, x.Type.Shape)
}

// isZeroOne reports whether a tensor is a repeated constant, such as zeros gives.
func isZeroOne(v *ir.Value) bool {
	for v.Def != nil && len(v.Def.Args) == 1 {
		v = v.Def.Args[0]
	}
	if v.Def == nil {
		return false
	}
	_, ok := v.Def.Op.(op.HostScalar)
	return ok
}

// zeros emits a tensor of zeros.
func (e *evaluator) zeros(at diag.Span, t ir.Type) *ir.Value {
	var v value = integer(0)
	if t.DType == dim.Bool {
		v = boolean(false)
	}
	w := e.tensorOf(at, v, t.DType)
	if w == nil {
		return nil
	}
	return e.broadcastTo(at, w, t.Shape)
}

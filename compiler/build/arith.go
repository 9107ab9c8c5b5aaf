package build

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl/diag"
)

var inf = math.Inf(1)

var arithmeticNames = map[string]string{"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}

var hostOps = map[string]scalar.Op{"+": scalar.Add, "-": scalar.Sub, "*": scalar.Mul, "/": scalar.Div,
	"min": scalar.Min, "max": scalar.Max, "pow": scalar.Pow}

// Bounds of compile-time values, so that doubling one in a loop ends in a message.
const (
	maxList   = 100_000 // elements of a list
	maxTerms  = 500     // terms of a dimension's polynomial
	maxText   = 10_000  // bytes of a dimension's text, which counts nested quotients
	maxScalar = 20_000  // nodes of a host scalar's expression
)

// hasFloor reports whether a dimension has a quotient that was not exact.
func hasFloor(d dim.Dim) bool {
	for _, t := range d.Terms() {
		for _, a := range t.Atoms {
			if a.Name == "" {
				return true
			}
		}
	}
	return false
}

// bounded refuses a value that was computed from args and is too large.
func (e *evaluator) bounded(at diag.Span, v value, args ...value) value {
	what := ""
	switch v := v.(type) {
	case list:
		if len(v) > maxList {
			what = "list"
		}
	case dimension:
		if !v.d.Overflow() && (len(v.d.Terms()) > maxTerms || hasFloor(v.d) && len(v.d.String()) > maxText) {
			what = "dimension"
		}
	case host:
		n := 1
		for _, a := range args {
			if h, ok := a.(host); ok {
				n += max(1, e.sizes[h.e])
			}
		}
		if n > maxScalar {
			what = "host scalar"
		} else {
			e.sizes[v.e] = n
		}
	}
	if what != "" {
		e.report(diag.ExpansionTooLarge, at, "this %s is too large to compile", what)
		return bad{}
	}
	return v
}

// arithmetic applies an operator, or one of floor_divide, min, max and pow, to
// values of any kind.
func (e *evaluator) arithmetic(at diag.Span, op string, a, b value) value {
	return e.bounded(at, e.operate(at, op, a, b), a, b)
}

func (e *evaluator) operate(at diag.Span, op string, a, b value) value {
	if isBad(a) || isBad(b) || e.unusable(at, a, b) {
		return bad{}
	}
	_, tensorA := a.(tensor)
	_, tensorB := b.(tensor)
	if tensorA || tensorB {
		name := op
		if n, ok := arithmeticNames[op]; ok {
			name = n
		}
		return e.elementwise(at, name, []value{a, b})
	}
	x, okA := a.(number)
	y, okB := b.(number)
	if okA && okB {
		return e.combine(at, op, x, y)
	}
	if da, ok := asDim(a); ok {
		if db, ok := asDim(b); ok {
			if v := dimensions(op, da, db); v != nil {
				return v
			}
		}
	}
	ha, okA := hostOf(a)
	hb, okB := hostOf(b)
	if okA && okB {
		return hosts(op, ha, hb)
	}
	if la, ok := a.(list); ok && op == "+" {
		if lb, ok := b.(list); ok {
			return append(append(list{}, la...), lb...)
		}
	}
	e.report(diag.OperandKind, at, "%s does not take %s and %s", op, describe(a), describe(b))
	return bad{}
}

// layerAsValue reports a layer where a tensor is needed.
func (e *evaluator) layerAsValue(at diag.Span, in *instance) {
	if e.standIn != "" { // each tensor of a layer is updated by those of the same name
		e.report(diag.UpdateTarget, at, "the layer %s has no tensor %s, which the updated layer has", in.path, e.standIn).
			HelpText("both layers must be of one kind, or update their tensors one by one")
		return
	}
	e.report(diag.LayerAsValue, at, "%s is a layer, not a tensor", in.path).
		HelpText("apply it with `->`, or name one of its tensors, such as %s.weight", in.path)
}

// unusable refuses several values where one is needed, and layers.
func (e *evaluator) unusable(at diag.Span, vs ...value) bool {
	for _, v := range vs {
		if in, ok := v.(*instance); ok {
			e.layerAsValue(at, in)
			return true
		}
		if t, ok := v.(tuple); ok {
			e.report(diag.TuplePlace, at, "an operand gives %s, and one is needed", countValues(len(t)))
			return true
		}
	}
	return false
}

// combine applies an operator to two numbers.
func (e *evaluator) combine(at diag.Span, op string, x, y number) value {
	if (op == "/" || op == "%" || op == "floor_divide") && y.cmp(integer(0)) == 0 {
		e.report(diag.ConstantDivision, at, "this divides by zero")
		return bad{}
	}
	n := x.combine(op, y)
	if !n.fits() || op == "pow" && n.exact == nil && x.isWhole() && y.isWhole() && y.cmp(integer(0)) > 0 {
		e.report(diag.IntegerOverflow, at, "the number has more than %d bits", maxBits)
		return bad{}
	}
	return n
}

// dimensions applies an operator to two dimensions; nil when the result is a
// host scalar.
func dimensions(op string, a, b dim.Dim) value {
	switch op {
	case "+":
		return dimValue(a.Add(b))
	case "-":
		return dimValue(a.Sub(b))
	case "*":
		return dimValue(a.Mul(b))
	case "/":
		if q, ok := a.Div(b); ok {
			return dimValue(q)
		}
		fraction := a.String() + " / " + b.String()
		return host{e: scalar.New(scalar.Div, scalar.OfDim(a), scalar.OfDim(b)), fraction: fraction}
	case "%":
		return dimValue(a.Mod(b))
	case "floor_divide":
		return dimValue(a.FloorDiv(b))
	case "pow":
		if n, ok := b.Int(); ok && n >= 0 && n <= 8 {
			p := dim.Const(1)
			for range n {
				p = p.Mul(a)
			}
			return dimValue(p)
		}
	case "min", "max":
		if v, ok := compareDims("<=", a, b).(boolean); ok {
			if bool(v) == (op == "min") {
				return dimValue(a)
			}
			return dimValue(b)
		}
	}
	return nil
}

// hosts applies an operator to two host scalars.
func hosts(op string, a, b *scalar.Expr) value {
	switch op {
	case "%":
		q := scalar.New(scalar.Floor, scalar.New(scalar.Div, a, b))
		return host{e: scalar.New(scalar.Sub, a, scalar.New(scalar.Mul, b, q))}
	case "floor_divide":
		return host{e: scalar.New(scalar.Floor, scalar.New(scalar.Div, a, b))}
	}
	return host{e: scalar.New(hostOps[op], a, b)}
}

// hostOf converts a number, dimension or host scalar.
func hostOf(v value) (*scalar.Expr, bool) {
	switch v := v.(type) {
	case number:
		return scalar.Num(v.value()), true
	case dimension:
		return scalar.OfDim(v.d), true
	case host:
		return v.e, true
	case boolean:
		return nil, false
	}
	return nil, false
}

var hostFuncs = map[string]scalar.Op{"neg": scalar.Neg, "abs": scalar.Abs, "sqrt": scalar.Sqrt, "exp": scalar.Exp, "log": scalar.Log,
	"sin": scalar.Sin, "cos": scalar.Cos, "floor": scalar.Floor, "ceil": scalar.Ceil}

// apply1 applies a function of one value: a number, a host scalar or a tensor.
func (e *evaluator) apply1(at diag.Span, name string, v value) value {
	switch v := v.(type) {
	case bad:
		return v
	case tensor:
		return e.elementwise(at, name, []value{v})
	case number:
		n, _ := v.call(name)
		return n
	case dimension:
		if name == "floor" || name == "ceil" || name == "round" || name == "abs" {
			return v
		}
	}
	if h, ok := hostOf(v); ok {
		if code, ok := hostFuncs[name]; ok {
			return e.bounded(at, host{e: scalar.New(code, h)}, v)
		}
		if name == "rsqrt" {
			return e.bounded(at, host{e: scalar.New(scalar.Div, scalar.Num(1), scalar.New(scalar.Sqrt, h))}, v)
		}
		e.report(diag.OperandKind, at, "%s has no form for %s; apply it to tensors or constants", name, v.kind())
		return bad{}
	}
	e.report(diag.OperandKind, at, "%s does not take %s", name, describe(v))
	return bad{}
}

// elementwise applies a scalar function to tensors and constants, of which at
// least one is a tensor. Constants take the tensors' dtype; shapes broadcast.
func (e *evaluator) elementwise(at diag.Span, name string, args []value) value {
	first := 0
	if name == "select" {
		first = 1
	}
	t, ok := e.commonDType(at, name, args[first:])
	if !ok {
		return bad{}
	}
	vs := make([]*ir.Value, len(args))
	for i, a := range args {
		want := t
		if i < first {
			want = dim.Bool
		}
		if vs[i] = e.tensorOf(at, a, want); vs[i] == nil {
			return bad{}
		}
	}
	if name == "div" && t.IsInt() {
		e.report(diag.IntegerDivision, at, "`/` on %s would have to round", t).HelpText("write floor_divide(a, b), or cast(a, float32)")
		return bad{}
	}
	if t == dim.Bool && arithmeticOnBools[name] {
		e.report(diag.DTypeMismatch, at, "%s does not take bool tensors", name).HelpText("cast(x, float32) gives 0 and 1")
		return bad{}
	}
	if vs, ok = e.broadcast(at, vs); !ok {
		return bad{}
	}
	return e.emit1(at, op.Elementwise{Fn: name}, vs...)
}

var arithmeticOnBools = map[string]bool{"add": true, "sub": true, "mul": true, "div": true, "mod": true, "neg": true, "floor_divide": true,
	"min": true, "max": true, "pow": true}

// commonDType is the dtype of the tensors among args, which must agree.
func (e *evaluator) commonDType(at diag.Span, name string, args []value) (dim.DType, bool) {
	var first *ir.Value
	for _, a := range args {
		t, ok := a.(tensor)
		if !ok {
			continue
		}
		if first == nil {
			first = t.v
		} else if first.Type.DType != t.v.Type.DType {
			d := e.report(diag.DTypeMismatch, at, "dtypes differ: %s and %s", first.Type.DType, t.v.Type.DType)
			e.origins(d, first, t.v).HelpText("there is no implicit conversion; write cast(x, %s)", first.Type.DType)
			return 0, false
		}
	}
	if first == nil {
		return dim.Float32, true
	}
	return first.Type.DType, true
}

// tensorOf gives a value as a tensor of the dtype; constants become rank 0.
func (e *evaluator) tensorOf(at diag.Span, v value, t dim.DType) *ir.Value {
	switch v := v.(type) {
	case tensor:
		return v.v
	case boolean:
		if t == dim.Bool {
			n := 0.0
			if v {
				n = 1
			}
			return e.constant(at, scalar.Num(n), t)
		}
	case number:
		if t.IsFloat() || t.IsInt() && v.isWhole() {
			return e.constant(at, scalar.Num(v.value()), t)
		}
		e.report(diag.DTypeMismatch, at, "the number %s meets a tensor of %s", v, t).HelpText("cast the tensor first, such as cast(x, float32)")
		return nil
	case dimension, host:
		h, _ := hostOf(v)
		if x, ok := v.(host); ok && x.truth != (t == dim.Bool) || t == dim.Bool && !ok {
			break
		}
		return e.constant(at, h, t)
	case bad:
		return nil
	case *instance:
		e.layerAsValue(at, v)
		return nil
	}
	e.report(diag.OperandKind, at, "%s meets a tensor of %s", describe(v), t)
	return nil
}

// broadcast gives tensors their common shape. Dimensions that may be equal are
// checked on entry.
func (e *evaluator) broadcast(at diag.Span, vs []*ir.Value) ([]*ir.Value, bool) {
	shape := vs[0].Type.Shape
	equal := true
	for _, v := range vs[1:] {
		if dim.EqualShapes(shape, v.Type.Shape) {
			continue
		}
		equal = false
		var ok bool
		if shape, ok = commonShape(shape, v.Type.Shape); !ok {
			d := e.report(diag.BroadcastMismatch, at, "shapes %s and %s do not broadcast", op.ShapeString(vs[0].Type.Shape), op.ShapeString(v.Type.Shape))
			e.origins(d, vs[0], v)
			return nil, false
		}
	}
	if equal {
		return vs, true
	}
	out := make([]*ir.Value, len(vs))
	for i, v := range vs {
		if out[i] = e.broadcastTo(at, v, shape); out[i] == nil {
			return nil, false
		}
	}
	return out, true
}

// commonShape is the shape that two broadcast to, treating dimensions that may
// be equal as equal.
func commonShape(a, b []dim.Dim) ([]dim.Dim, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]dim.Dim{}, a...)
	off := len(a) - len(b)
	for i, d := range b {
		x := out[off+i]
		switch {
		case x.Equal(d) || d.Is(1):
		case x.Is(1):
			out[off+i] = d
		case mayEqual(x, d):
			if _, ok := d.Int(); ok {
				out[off+i] = d
			}
		default:
			return nil, false
		}
	}
	return out, true
}

// mayEqual reports whether two different normal forms can have the same value. A
// bare symbol and a number cannot: a free dimension that must be one number is a
// slip, and the number belongs in the input's shape.
func mayEqual(a, b dim.Dim) bool {
	if a.Overflow() || b.Overflow() {
		return false
	}
	diff := a.Sub(b)
	if n, ok := diff.Int(); ok {
		return n == 0
	}
	if isNumber(a) && isSymbol(b) || isNumber(b) && isSymbol(a) {
		return false
	}
	if low, ok := diff.Min(); ok && low > 0 {
		return false
	}
	if low, ok := diff.Neg().Min(); ok && low > 0 {
		return false
	}
	return true
}

func isNumber(d dim.Dim) bool { _, ok := d.Int(); return ok }

func isSymbol(d dim.Dim) bool {
	s := d.Symbols()
	return len(s) == 1 && d.Equal(dim.Sym(s[0]))
}

// broadcastTo repeats v to a shape that commonShape gave.
func (e *evaluator) broadcastTo(at diag.Span, v *ir.Value, shape []dim.Dim) *ir.Value {
	if v = e.assume(at, v, shape); v == nil || dim.EqualShapes(v.Type.Shape, shape) {
		return v
	}
	return one(e.emit(at, op.Broadcast{Shape: shape}, v))
}

// assume gives axes of v, aligned on the right, the dimensions of shape where
// they may be equal, and adds the checks that they are.
func (e *evaluator) assume(at diag.Span, v *ir.Value, shape []dim.Dim) *ir.Value {
	off := len(shape) - len(v.Type.Shape)
	for i, d := range v.Type.Shape {
		want := shape[off+i]
		if d.Equal(want) || d.Is(1) {
			continue
		}
		e.check(scalar.New(scalar.Eq, scalar.OfDim(d), scalar.OfDim(want)), d.String()+" must equal "+want.String(), at)
		// With the check, keeping the first `want` of the axis is the identity.
		if v = one(e.emit(at, op.Slice{Axis: i, Start: dim.Const(0), Stop: want, Step: 1}, v)); v == nil {
			return nil
		}
	}
	return v
}

func one(vs []*ir.Value) *ir.Value {
	if len(vs) == 0 {
		return nil
	}
	return vs[0]
}

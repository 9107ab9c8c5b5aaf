package build

import (
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// expr evaluates an expression. It may give a tuple; use single where one value
// is needed.
func (e *evaluator) expr(fr *frame, x *dsl.Expr) value {
	if len(x.Stages) == 0 {
		return e.or(fr, x.Head)
	}
	var v value
	if p := x.Head.Postfix(); p != nil && len(p.Suffixes) == 0 && len(p.Primary.Tuple) > 1 {
		v = e.tuple(fr, p.Primary.Tuple)
	} else {
		v = e.or(fr, x.Head)
	}
	at := x.Head.Span()
	for _, st := range x.Stages {
		v = e.stage(fr, v, at, st)
		at = st.Span()
	}
	return v
}

// single evaluates an expression that must give one value.
func (e *evaluator) single(fr *frame, x *dsl.Expr) value {
	v := e.expr(fr, x)
	if t, ok := v.(tuple); ok {
		e.report(diag.TuplePlace, x.Span(), "this gives %s, and one is needed", countValues(len(t)))
		return bad{}
	}
	return v
}

func countValues(n int) string {
	switch n {
	case 0:
		return "no value"
	case 1:
		return "one value"
	}
	return strconv.Itoa(n) + " values"
}

func (e *evaluator) tuple(fr *frame, xs []*dsl.Expr) value {
	out := make(tuple, len(xs))
	for i, x := range xs {
		out[i] = e.single(fr, x)
	}
	return out
}

func (e *evaluator) or(fr *frame, x *dsl.Or) value {
	v := e.and(fr, x.Terms[0])
	for i, t := range x.Terms[1:] {
		if b, ok := v.(boolean); ok && bool(b) {
			return v // decided: what follows need not make sense
		}
		v = e.logic(fr, "||", v, x.Terms[i].Span(), e.and(fr, t), t.Span())
	}
	return v
}

func (e *evaluator) and(fr *frame, x *dsl.And) value {
	v := e.cmp(fr, x.Terms[0])
	for i, t := range x.Terms[1:] {
		if b, ok := v.(boolean); ok && !bool(b) {
			return v
		}
		v = e.logic(fr, "&&", v, x.Terms[i].Span(), e.cmp(fr, t), t.Span())
	}
	return v
}

// logic combines two truth values.
func (e *evaluator) logic(fr *frame, op string, a value, atA diag.Span, b value, atB diag.Span) value {
	if isBad(a) || isBad(b) {
		return bad{}
	}
	if x, ok := a.(boolean); ok {
		if bool(x) == (op == "&&") { // the neutral element
			return e.truthValue(op, b, atB)
		}
		return x
	}
	if y, ok := b.(boolean); ok {
		if bool(y) == (op == "&&") {
			return e.truthValue(op, a, atA)
		}
		return y
	}
	ha, okA := a.(host)
	hb, okB := b.(host)
	if okA && okB && ha.truth && hb.truth {
		code := scalar.And
		if op == "||" {
			code = scalar.Or
		}
		return e.bounded(atA, host{e: scalar.New(code, ha.e, hb.e), truth: true}, a, b)
	}
	fn := map[string]string{"&&": "and", "||": "or"}[op]
	if isBad(e.truthValue(op, a, atA)) || isBad(e.truthValue(op, b, atB)) {
		return bad{}
	}
	return e.elementwise(atA.Join(atB), fn, []value{a, b})
}

// truthValue checks that v is one.
func (e *evaluator) truthValue(op string, v value, at diag.Span) value {
	switch v := v.(type) {
	case boolean, bad:
		return v
	case host:
		if v.truth {
			return v
		}
	case tensor:
		if v.v.Type.DType == dim.Bool {
			return v
		}
	}
	e.report(diag.OperandKind, at, "%s takes bools, not %s", op, describe(v))
	return bad{}
}

var cmpNames = map[string]string{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}

func (e *evaluator) cmp(fr *frame, x *dsl.Cmp) value {
	a := e.sum(fr, x.Left)
	if x.Op == "" {
		return a
	}
	b := e.sum(fr, x.Right)
	return e.compare(x.Span(), x.Op, a, b)
}

// compare applies a comparison to values of any kind.
func (e *evaluator) compare(at diag.Span, op string, a, b value) value {
	if isBad(a) || isBad(b) || e.unusable(at, a, b) {
		return bad{}
	}
	if x, ok := a.(number); ok {
		if y, ok := b.(number); ok {
			return boolean(decide(op, x.cmp(y)))
		}
	}
	if op == "==" || op == "!=" {
		if eq, ok := equalValues(a, b); ok {
			return boolean(eq == (op == "=="))
		}
		if _, ok := a.(boolean); ok || isNone(a) || isNone(b) {
			return boolean(op == "!=")
		}
	}
	da, okA := asDim(a)
	db, okB := asDim(b)
	if okA && okB {
		return compareDims(op, da, db)
	}
	_, tensorA := a.(tensor)
	_, tensorB := b.(tensor)
	if tensorA || tensorB {
		return e.elementwise(at, cmpNames[op], []value{a, b})
	}
	ha, okA := hostOf(a)
	hb, okB := hostOf(b)
	if okA && okB {
		return e.bounded(at, compareHosts(op, ha, hb), a, b)
	}
	e.report(diag.OperandKind, at, "%s cannot compare %s with %s", op, describe(a), describe(b))
	return bad{}
}

func decide(op string, c int) bool {
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// compareDims decides a comparison of dimensions where every size of at least
// one gives the same answer, and leaves a condition otherwise.
func compareDims(op string, a, b dim.Dim) value {
	diff := a.Sub(b)
	if n, ok := diff.Int(); ok {
		return boolean(decide(op, int(min(max(n, -1), 1))))
	}
	if low, ok := diff.Min(); ok && low >= 0 { // a >= b
		if low > 0 || op == ">=" || op == "<" {
			return boolean(decide(op, 1))
		}
	}
	if low, ok := diff.Neg().Min(); ok && low >= 0 {
		if low > 0 || op == "<=" || op == ">" {
			return boolean(decide(op, -1))
		}
	}
	return compareHosts(op, scalar.OfDim(a), scalar.OfDim(b))
}

func compareHosts(op string, a, b *scalar.Expr) value {
	var x *scalar.Expr
	switch op {
	case "==":
		x = scalar.New(scalar.Eq, a, b)
	case "!=":
		x = scalar.New(scalar.Ne, a, b)
	case "<":
		x = scalar.New(scalar.Lt, a, b)
	case "<=":
		x = scalar.New(scalar.Le, a, b)
	case ">":
		x = scalar.New(scalar.Lt, b, a)
	default:
		x = scalar.New(scalar.Le, b, a)
	}
	return host{e: x, truth: true}
}

func (e *evaluator) sum(fr *frame, x *dsl.Sum) value {
	v := e.product(fr, x.First)
	at := x.First.Span()
	for i, p := range x.Rest {
		w := e.product(fr, p)
		whole := at.Join(p.Span())
		v = e.arithmetic(whole, x.Ops[i], v, w)
		at = whole
	}
	return v
}

func (e *evaluator) product(fr *frame, x *dsl.Product) value {
	v := e.unary(fr, x.First)
	at := x.First.Span()
	for i, u := range x.Rest {
		w := e.unary(fr, u)
		whole := at.Join(u.Span())
		v = e.arithmetic(whole, x.Ops[i], v, w)
		at = whole
	}
	return v
}

func (e *evaluator) unary(fr *frame, x *dsl.Unary) value {
	if x.Op == "" {
		return e.postfix(fr, x.Postfix)
	}
	v := e.unary(fr, x.Operand)
	if isBad(v) {
		return v
	}
	if x.Op == "!" {
		switch v := v.(type) {
		case boolean:
			return !v
		case host:
			if v.truth {
				return host{e: scalar.New(scalar.Not, v.e), truth: true}
			}
		}
		if isBad(e.truthValue("!", v, x.Operand.Span())) {
			return bad{}
		}
		return e.elementwise(x.Span(), "not", []value{v})
	}
	if d, ok := v.(dimension); ok {
		return dimValue(d.d.Neg())
	}
	return e.apply1(x.Span(), "neg", v)
}

// primary evaluates a literal or parenthesised expression.
func (e *evaluator) primary(fr *frame, x *dsl.Primary) value {
	switch {
	case x.Int != "" || x.Float != "":
		s := x.Int
		if s == "" {
			s = x.Float
		}
		if n, ok := e.numbers[s]; ok {
			return n
		}
		n, err := parseNumber(s)
		if err != nil {
			e.report(diag.IntegerOverflow, x.Span(), "%s", err)
			return bad{}
		}
		e.numbers[s] = n
		return n
	case x.Text != nil:
		return text(x.Text.Value())
	case x.Bool != "":
		return boolean(x.Bool == "true")
	case x.None:
		return none{}
	case len(x.Tuple) == 1:
		return e.expr(fr, x.Tuple[0])
	case len(x.Tuple) > 1:
		return e.tuple(fr, x.Tuple)
	case x.IsList:
		out := make(list, len(x.List))
		for i, y := range x.List {
			out[i] = e.single(fr, y)
		}
		return out
	}
	return bad{}
}

// postfix evaluates a primary with calls, members and indices.
func (e *evaluator) postfix(fr *frame, x *dsl.Postfix) value {
	suffixes := x.Suffixes
	var v value
	at := x.Primary.Span()
	if id := x.Primary.Name; id != nil {
		if len(suffixes) > 0 && suffixes[0].Args != nil && fr.scope.find(id.Name) == nil {
			if id.Name == "select" {
				v = e.selectCall(fr, suffixes[0].Args, at.Join(suffixes[0].Span()))
				at, suffixes = at.Join(suffixes[0].Span()), suffixes[1:]
			}
		}
		if v == nil {
			v = e.name(fr, id, len(suffixes) > 0 && suffixes[0].Args != nil)
		}
	} else {
		v = e.primary(fr, x.Primary)
	}
	for _, s := range suffixes {
		at = at.Join(s.Span())
		switch {
		case isBad(v):
			return bad{}
		case s.Args != nil:
			v = e.call(fr, v, nil, s.Args, at, x)
		case s.Member != nil:
			v = e.member(fr, v, s.Member, at)
		default:
			v = e.index(fr, v, s.Index, at)
		}
	}
	switch v.(type) {
	case labels, module:
		e.report(diag.UnknownName, at, "this names %s, not a value", v.kind())
		return bad{}
	}
	return v
}

// name evaluates a bare name: a value, then a label, an import, something that
// can be called, a dtype, and the constants training and step.
func (e *evaluator) name(fr *frame, id *dsl.Ident, called bool) value {
	if b := fr.scope.find(id.Name); b != nil && !(called && !canApply(b.v) && e.find(fr.src, id.Name) != nil) {
		e.uses.use(b)
		if b.stored != nil && !isBad(b.v) {
			return tensor{e.en.read(b.stored)}
		}
		return e.standing(fr, b.v)
	}
	if v := fr.findLabel(id.Name); v != nil && !(called && isAnonymous(v)) {
		return e.standing(fr, v)
	}
	if s, ok := fr.src.imports[id.Name]; ok {
		fr.src.used[id.Name] = true
		return module{s}
	}
	switch id.Name {
	case "training":
		return boolean(e.en.training)
	case "step":
		if e.en.entry.Kind == 0 && fr.place != inOptimizer {
			e.report(diag.UnknownName, id.Span(), "step is the number of an update and exists in train blocks only")
			return bad{}
		}
		return host{e: e.stepNumber()}
	case "inf":
		return inexact(inf)
	}
	if c := e.find(fr.src, id.Name); c != nil {
		return c
	}
	if en := e.entryStmt(fr, id.Name); en != nil {
		return en
	}
	if t, ok := dim.ParseDType(id.Name); ok && t != dim.Uint32 && t.String() == id.Name {
		return element(t)
	}
	e.unknown(fr, id, called)
	return bad{}
}

// isAnonymous reports whether a layer has its operator's name, which then still
// means the operator where something is called.
func isAnonymous(v value) bool {
	in, ok := v.(*instance)
	return ok && in.anon
}

// canApply reports whether a value may stand where something is called. Others do
// not hide the block or function of their name there: `dropout(dropout)` applies
// the word to the argument.
func canApply(v value) bool {
	switch v.(type) {
	case *instance, *callable, *initializer, labels, *indexed, bad:
		return true
	}
	return false
}

// unknown reports a name that stands for nothing.
func (e *evaluator) unknown(fr *frame, id *dsl.Ident, called bool) {
	if !called {
		e.nearby(fr, e.report(diag.UnknownName, id.Span(), "there is no value %s", id.Name), id,
			append(fr.scope.all(), fr.labelNames()...), e.callableNames(fr.src))
		return
	}
	d := e.report(diag.UnknownLayer, id.Span(), "there is no layer or function %s", id.Name)
	if s, ok := foreignNames[id.Name]; ok {
		d.HelpText("did you mean %s?", s)
		return
	}
	e.nearby(fr, d, id, append(e.callableNames(fr.src), fr.labelNames()...))
}

func (fr *frame) labelNames() []string {
	if fr.inst == nil || fr.place == inFunc {
		return nil
	}
	return fr.inst.order
}

// findLabel finds a label of the unit that was made before this point of the
// body, or the first part of one.
func (fr *frame) findLabel(name string) value {
	if fr.inst == nil || fr.place == inFunc {
		return nil
	}
	for r := fr.run; r != nil; r = r.outer {
		if _, ok := r.seen[name]; ok {
			return fr.inst.lookup(name)
		}
		for _, label := range sortedKeys(r.seen) {
			if strings.HasPrefix(label, name+".") {
				return labels{fr.inst, name}
			}
		}
	}
	return nil
}

// standing replaces a layer by one of its tensors while an update of a whole
// layer is evaluated.
func (e *evaluator) standing(fr *frame, v value) value {
	in, ok := v.(*instance)
	if !ok || e.standIn == "" {
		return v
	}
	for _, x := range in.tensors() {
		if x.relative(in) == e.standIn {
			return tensor{e.en.read(x)}
		}
	}
	return v
}

// member evaluates v.name.
func (e *evaluator) member(fr *frame, v value, id *dsl.Ident, at diag.Span) value {
	switch v := v.(type) {
	case module:
		if c, ok := v.src.decls[id.Name]; ok {
			return c
		}
		d := e.report(diag.ImportedDeclaration, id.Span(), "%s declares no %s", v.src.name, id.Name)
		if s := diag.Suggest(id.Name, sortedKeys(v.src.decls)); s != "" {
			d.HelpText("did you mean %s?", s)
		}
		return bad{}
	case *instance:
		return e.part(fr, v, id.Name, id.Span())
	case labels:
		return e.labelled(fr, v, id.Name, id.Span())
	}
	d := e.report(diag.UnknownMember, id.Span(), "%s has no parts", describe(v))
	if _, ok := v.(tensor); ok && (e.find(fr.src, id.Name) != nil || foreignNames[id.Name] != "") {
		name := id.Name
		if s, ok := foreignNames[name]; ok {
			name = s
		}
		d.HelpText("%s is a function here: it stands before its argument, %[1]s(x), or behind a pipe, x -> %[1]s", name)
	}
	return bad{}
}

// part finds a tensor or inner layer of an instance.
func (e *evaluator) part(fr *frame, in *instance, name string, at diag.Span) value {
	if x, ok := in.names[name]; ok {
		return tensor{e.en.read(x)}
	}
	if v := in.lookup(name); v != nil {
		return e.standing(fr, v)
	}
	d := e.report(diag.UnknownMember, at, "the layer %s has no part %s", in.path, name)
	if !in.applied {
		d.Note("%s is not applied before this, so its tensors have no shapes yet", in.path)
	} else if s := diag.Suggest(name, append(sortedKeys(in.names), in.order...)); s != "" {
		d.HelpText("did you mean %s?", s)
	}
	return bad{}
}

func (e *evaluator) labelled(fr *frame, l labels, part string, at diag.Span) value {
	label := join(l.prefix, part)
	if v := l.in.lookup(label); v != nil {
		return e.standing(fr, v)
	}
	d := e.report(diag.UnknownMember, at, "there is no label %s", label)
	if s := diag.Suggest(label, l.in.order); s != "" {
		d.HelpText("did you mean %s?", s)
	}
	return bad{}
}

// dim evaluates a size of a shape.
func (e *evaluator) dim(fr *frame, x *dsl.Sum) (dim.Dim, bool) {
	v := e.sum(fr, x)
	return e.asSize(v, e.blame(fr, x.Postfix(), x.Span()))
}

// blame is where an expression's value comes from: the caller's argument when it
// is a bare formal of a library word.
func (e *evaluator) blame(fr *frame, p *dsl.Postfix, at diag.Span) diag.Span {
	if p == nil || len(p.Suffixes) > 0 || p.Primary.Name == nil {
		return at
	}
	if b := fr.scope.find(p.Primary.Name.Name); b != nil && b.argument && !b.at.IsZero() && e.isPrelude(at.File) {
		return b.at
	}
	return at
}

// asSize converts a value to a dimension that is at least 0.
func (e *evaluator) asSize(v value, at diag.Span) (dim.Dim, bool) {
	switch v := v.(type) {
	case bad:
		return dim.Dim{}, false
	case number:
		if n, ok := v.int64(); ok {
			if n < 0 {
				e.report(diag.DimensionRange, at, "a dimension is at least 0, and this is %d", n)
			}
			return dim.Const(n), n >= 0
		}
		switch {
		case v.exact == nil:
			e.report(diag.InexactDimension, at, "this is the rounded number %s, which may not be a size", v).
				HelpText("`floor` and `round` do not make it exact; use whole-number arithmetic such as floor_divide")
		case v.isWhole():
			e.report(diag.IntegerOverflow, at, "the size %s does not fit in 63 bits", v)
		default:
			e.report(diag.NotWhole, at, "this is %s, and a size must be whole", v.exact.RatString()).
				HelpText("floor_divide(a, b) drops the remainder")
		}
	case dimension:
		if v.d.Overflow() {
			e.report(diag.IntegerOverflow, at, "the size does not fit in 63 bits")
			return v.d, false
		}
		return v.d, true
	case host:
		if v.fraction != "" {
			e.report(diag.NotWhole, at, "%s may not be whole, and a size must be", v.fraction).HelpText("floor_divide(a, b) drops the remainder")
			break
		}
		e.report(diag.ArgumentKind, at, "a size is needed, and this is %s", v.kind())
	case tensor:
		e.report(diag.TensorAsConstant, at, "a size must be known when the model is compiled, and this is %s", describe(v))
	default:
		e.report(diag.ArgumentKind, at, "a size is needed, and this is %s", describe(v))
	}
	return dim.Dim{}, false
}

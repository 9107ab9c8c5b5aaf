package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl/diag"
)

// entryState is an entry while its function is built.
type entryState struct {
	entry    *ir.Entry
	training bool
	fn       *function
	top      *function // the entry's own function; fn differs inside a scan
	// current is the value of a stored tensor at this point of the function.
	current map[*variable]*ir.Value
	// start is its value when the function begins.
	start   map[*variable]*ir.Value
	updated []*variable
	at      map[*variable]diag.Span
	calls   map[*instance]int
	checks  map[string]bool
	// metric marks what is emitted for metrics only.
	metric     bool
	root       *frame // the model's body, for entries that a stage applies
	entryCalls map[string]int
	// accumulate is the number of micro-batches of an update.
	accumulate int64
}

// function is an ir.Func being built, with what it captures from the one around it.
type function struct {
	b        *ir.Builder
	parent   *function
	own      map[*ir.Value]bool
	captured map[*ir.Value]*ir.Value // outer value -> parameter
	captures []*ir.Value             // outer values in order
	consts   map[constKey]*ir.Value
}

type constKey struct {
	text string
	t    dim.DType
}

func newFunction(name string, parent *function) *function {
	return &function{b: &ir.Builder{Func: ir.NewFunc(name)}, parent: parent, own: map[*ir.Value]bool{},
		captured: map[*ir.Value]*ir.Value{}, consts: map[constKey]*ir.Value{}}
}

func newEntry(name string, kind ir.EntryKind, at diag.Span) *entryState {
	en := &entryState{
		entry: &ir.Entry{Name: name, Kind: kind, Pos: at}, training: kind == ir.Train,
		current: map[*variable]*ir.Value{}, start: map[*variable]*ir.Value{}, at: map[*variable]diag.Span{},
		calls: map[*instance]int{}, entryCalls: map[string]int{}, checks: map[string]bool{},
	}
	en.top = newFunction(name, nil)
	en.fn = en.top
	en.entry.Func = en.top.b.Func
	return en
}

// local returns v as a value of f, capturing it when it belongs to a function
// around it; nil when it belongs to another function altogether.
func (f *function) local(v *ir.Value) *ir.Value {
	if f.own[v] {
		return v
	}
	if p, ok := f.captured[v]; ok {
		return p
	}
	if f.parent == nil || f.parent.local(v) == nil {
		return nil
	}
	p := f.b.Func.AddParam(v.Type, v.Name)
	f.own[p] = true
	f.captured[v] = p
	f.captures = append(f.captures, v)
	return p
}

// addInput adds a parameter that the caller passes.
func (en *entryState) addInput(name string, t ir.Type, doc string, at diag.Span) *ir.Value {
	v := en.top.b.Func.AddParam(t, name)
	en.top.own[v] = true
	en.entry.Inputs = append(en.entry.Inputs, ir.Input{Name: name, Doc: doc, Value: v, Pos: at})
	return v
}

// read gives the current value of a stored tensor.
func (en *entryState) read(x *variable) *ir.Value {
	if v, ok := en.current[x]; ok {
		return v
	}
	v := en.top.b.Func.AddParam(x.Type, x.Name)
	en.top.own[v] = true
	en.entry.Reads = append(en.entry.Reads, ir.Read{Var: x.Var, Value: v})
	en.current[x], en.start[x] = v, v
	return v
}

// write makes v the value of a stored tensor from here on.
func (en *entryState) write(x *variable, v *ir.Value, at diag.Span) {
	if _, ok := en.at[x]; !ok {
		en.updated = append(en.updated, x)
	}
	en.at[x] = at
	en.current[x] = v
}

// finish turns updates into stores.
func (en *entryState) finish() {
	for _, x := range en.updated {
		en.entry.Stores = append(en.entry.Stores, ir.Store{Var: x.Var, Value: en.current[x], Pos: en.at[x]})
	}
	for _, o := range en.entry.Outputs {
		en.entry.Func.Results = append(en.entry.Func.Results, o.Value)
	}
	for _, s := range en.entry.Stores {
		en.entry.Func.Results = append(en.entry.Func.Results, s.Value)
	}
}

// check adds a condition that is tested when the entry is called.
func (e *evaluator) check(cond *scalar.Expr, message string, at diag.Span) {
	key := cond.String() + message
	if e.en.checks[key] {
		return
	}
	e.en.checks[key] = true
	e.en.entry.Checks = append(e.en.entry.Checks, ir.Check{Cond: cond, Message: message, Pos: e.userSpan(at)})
}

// emit appends an operation and returns its results, or nil after reporting a
// type rule's refusal at the user's text with the operands' origins.
func (e *evaluator) emit(at diag.Span, o ir.Op, args ...*ir.Value) []*ir.Value {
	if e.stop || !e.step(at) {
		return nil
	}
	f := e.en.fn
	local := make([]*ir.Value, len(args))
	for i, a := range args {
		if local[i] = f.local(a); local[i] == nil {
			e.report(diag.TensorAsConstant, at, "an initial value may not depend on inputs or other tensors")
			return nil
		}
	}
	f.b.Pos, f.b.Metric = e.userSpan(at), e.en.metric
	out := f.b.Emit(o, local...)
	if err := f.b.Err(); err != nil {
		f.b.ClearErr()
		e.refused(at, err, args)
		return nil
	}
	for _, v := range out {
		f.own[v] = true
		if tooLarge(v.Type) {
			e.report(diag.DimensionRange, at, "this would be a tensor %s, which no machine can hold", op.TypeString(v.Type))
			return nil
		}
	}
	return out
}

// refused reports a type rule's refusal.
func (e *evaluator) refused(at diag.Span, err error, args []*ir.Value) {
	code, message := diag.ShapeMismatch, err.Error()
	if be, ok := err.(*ir.BuildError); ok {
		message = be.Op.Name() + ": " + be.Err.Error()
		same := true
		for _, t := range be.In {
			same = same && t.DType == be.In[0].DType
		}
		if !same {
			code = diag.DTypeMismatch
		}
	}
	e.origins(e.report(code, at, "%s", message), args...)
}

// origins adds where each operand comes from.
func (e *evaluator) origins(d *diag.Diagnostic, args ...*ir.Value) *diag.Diagnostic {
	for _, v := range args {
		if at := e.originOf(v); !at.IsZero() {
			d.Also(at, "this is "+op.TypeString(v.Type))
		} else {
			d.Note("an operand is %s", op.TypeString(v.Type))
		}
	}
	return d
}

// originOf is where a value comes from in the user's text.
func (e *evaluator) originOf(v *ir.Value) diag.Span {
	if v.Def != nil {
		return v.Def.Pos
	}
	for _, in := range e.en.entry.Inputs {
		if in.Value == v {
			return in.Pos
		}
	}
	for _, r := range e.en.entry.Reads {
		if r.Value == v {
			return r.Var.Pos
		}
	}
	return diag.Span{}
}

// emit1 is emit for one result.
func (e *evaluator) emit1(at diag.Span, o ir.Op, args ...*ir.Value) value {
	if out := e.emit(at, o, args...); out != nil {
		return tensor{out[0]}
	}
	return bad{}
}

// constant gives a host scalar as a tensor of rank 0.
func (e *evaluator) constant(at diag.Span, x *scalar.Expr, t dim.DType) *ir.Value {
	key := constKey{x.String(), t}
	if v, ok := e.en.fn.consts[key]; ok {
		return v
	}
	out := e.emit(at, op.HostScalar{Expr: x, DType: t})
	if out == nil {
		return nil
	}
	e.en.fn.consts[key] = out[0]
	return out[0]
}

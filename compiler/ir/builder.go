package ir

import (
	"fmt"

	"github.com/mlc-go/mlc/dsl/diag"
)

// Builder appends instructions to a function. It records the first error and
// goes on with values of an invalid type, so that callers check once.
type Builder struct {
	Func *Func
	// Pos, Label, Path and Remat are stamped on every instruction emitted.
	Pos    diag.Span
	Label  string
	Path   string
	Metric bool
	Remat  int

	err *BuildError
}

// BuildError is a type rule's refusal with the place it happened at.
type BuildError struct {
	Op   Op
	In   []Type
	Args []*Value
	Pos  diag.Span
	Err  error
}

// Error gives the operation and the rule's own words.
func (e *BuildError) Error() string { return fmt.Sprintf("%s: %v", e.Op.Name(), e.Err) }

// Unwrap returns the rule's error.
func (e *BuildError) Unwrap() error { return e.Err }

// NewFunc returns an empty function.
func NewFunc(name string) *Func { return &Func{Name: name, nextID: 1} }

// NewValue returns a value with a fresh number, bound to nothing yet.
func (f *Func) NewValue(t Type, name string) *Value {
	if f.nextID == 0 {
		f.nextID = 1
	}
	v := &Value{ID: f.nextID, Type: t, Name: name}
	f.nextID++
	return v
}

// AddParam appends a parameter.
func (f *Func) AddParam(t Type, name string) *Value {
	v := f.NewValue(t, name)
	v.Index = len(f.Params)
	f.Params = append(f.Params, v)
	return v
}

// Err returns the first refusal of a type rule, or nil.
func (b *Builder) Err() error {
	if b.err == nil {
		return nil
	}
	return b.err
}

// Emit appends op applied to args and returns its results. After an error it
// still returns values, of invalid type, and appends nothing.
func (b *Builder) Emit(op Op, args ...*Value) []*Value {
	in := make([]Type, len(args))
	for i, a := range args {
		in[i] = a.Type
		if a.Type.DType == 0 { // a follow-on of an earlier error
			return []*Value{b.Func.NewValue(Type{}, "")}
		}
	}
	out, err := op.Infer(in)
	if err != nil {
		if b.err == nil {
			b.err = &BuildError{Op: op, In: in, Args: args, Pos: b.Pos, Err: err}
		}
		return []*Value{b.Func.NewValue(Type{}, "")}
	}
	i := &Instr{Op: op, Args: args, Pos: b.Pos, Label: b.Label, Path: b.Path, Metric: b.Metric, Remat: b.Remat}
	for k, t := range out {
		v := b.Func.NewValue(t, "")
		v.Def, v.Index = i, k
		i.Results = append(i.Results, v)
	}
	b.Func.Instrs = append(b.Func.Instrs, i)
	return i.Results
}

// Emit1 is Emit for an operation with one result.
func (b *Builder) Emit1(op Op, args ...*Value) *Value { return b.Emit(op, args...)[0] }

// ClearErr forgets a recorded error; build uses it after reporting one.
func (b *Builder) ClearErr() { b.err = nil }

// Package eval runs programs slowly and plainly, as what the compiler is tested
// against: Reference computes tensor IR in float64, each operation by its own naive
// definition, and Exact computes loop IR with the bits that generated code gives.
//
// It knows no optimisation and no target, and nothing of it is in a user's program.
// Its invariant is that it shares no arithmetic with what it judges.
package eval

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Reference runs tensor IR in float64 with each operation's own naive
// evaluation, which shares nothing with its lowering. It is the oracle of what a
// program means; it does not round to the program's element types.
//
// One goroutine at a time.
type Reference struct {
	Prog   *ir.Program
	Vars   map[*ir.Var]ir.Dense
	Seed   uint64
	Step   int64              // number of the update being made
	Inputs map[string]float64 // run-time settings of host scalars
}

// NewReference returns an evaluator whose stored tensors of constant shape are zero.
func NewReference(p *ir.Program) *Reference {
	m := &Reference{Prog: p, Vars: map[*ir.Var]ir.Dense{}, Step: 1}
	for _, v := range p.Vars {
		if shape, err := concrete(v.Type.Shape, nil); err == nil {
			m.Vars[v] = ir.NewDense(v.Type.DType, shape...)
		}
	}
	return m
}

// Entry finds an entry by kind and name; nil when there is none.
func (m *Reference) Entry(kind ir.EntryKind, name string) *ir.Entry {
	for _, e := range m.Prog.Entries {
		if e.Kind == kind && e.Name == name {
			return e
		}
	}
	return nil
}

// Initialize gives the stored tensors their initial values.
func (m *Reference) Initialize() error {
	for _, e := range m.Prog.Entries {
		if e.Kind != ir.Init {
			continue
		}
		if _, err := m.Run(e); err != nil {
			return err
		}
	}
	return nil
}

// Run calls e on one tensor for each of its inputs and returns its outputs. The
// stores take effect when all of it has been computed. Symbols get their values
// from the inputs' shapes.
func (m *Reference) Run(e *ir.Entry, inputs ...ir.Dense) ([]ir.Dense, error) {
	if len(inputs) != len(e.Inputs) {
		return nil, fmt.Errorf("%s takes %d inputs, have %d", e.Name, len(e.Inputs), len(inputs))
	}
	r := &run{m: m, dims: map[string]int64{}}
	args := make([]ir.Dense, len(e.Func.Params))
	for i, in := range e.Inputs {
		if err := Bind(r.dims, in.Value.Type.Shape, inputs[i].Shape); err != nil {
			return nil, fmt.Errorf("input %s: %w", in.Name, err)
		}
		args[in.Value.Index] = inputs[i]
	}
	for _, c := range e.Checks {
		v, err := c.Cond.Eval(scalar.Env{Dims: r.dims, Step: m.Step, Inputs: m.Inputs})
		if err != nil {
			return nil, err
		}
		if v == 0 {
			return nil, fmt.Errorf("check failed: %s", c.Message)
		}
	}
	for _, x := range e.Reads {
		v, err := r.stored(x.Var)
		if err != nil {
			return nil, err
		}
		args[x.Value.Index] = v
	}
	values, err := r.function(e.Func, args, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	var out []ir.Dense
	for _, o := range e.Outputs {
		out = append(out, values[o.Value])
	}
	for _, s := range e.Stores {
		m.Vars[s.Var] = values[s.Value]
	}
	return out, nil
}

// Call runs one function on its parameters' values.
func (m *Reference) Call(f *ir.Func, dims map[string]int64, args ...ir.Dense) ([]ir.Dense, error) {
	r := &run{m: m, dims: dims}
	return r.results(f, args, 0)
}

// Bind gives the symbols of a shape their values from a concrete shape: first
// those that stand alone, then every dimension must agree.
func Bind(dims map[string]int64, shape []dim.Dim, have []int) error {
	if len(shape) != len(have) {
		return fmt.Errorf("rank %d, want %d (%s)", len(have), len(shape), op.ShapeString(shape))
	}
	for i, d := range shape {
		if s := d.Symbols(); len(s) == 1 && d.Equal(dim.Sym(s[0])) {
			if _, ok := dims[s[0]]; !ok {
				dims[s[0]] = int64(have[i])
			}
		}
	}
	for i, d := range shape {
		n, err := d.Eval(dims)
		if err != nil {
			return err
		}
		if n != int64(have[i]) {
			return fmt.Errorf("axis %d has extent %d, want %s = %d", i, have[i], d, n)
		}
	}
	return nil
}

func concrete(shape []dim.Dim, dims map[string]int64) ([]int, error) {
	out := make([]int, len(shape))
	for i, d := range shape {
		n, err := d.Eval(dims)
		if err != nil {
			return nil, err
		}
		out[i] = int(n)
	}
	return out, nil
}

// run is one call.
type run struct {
	m    *Reference
	dims map[string]int64
}

// stored returns a variable's value; a session state starts as zeros.
func (r *run) stored(v *ir.Var) (ir.Dense, error) {
	if d, ok := r.m.Vars[v]; ok {
		return d, nil
	}
	shape, err := concrete(v.Type.Shape, r.dims)
	if err != nil {
		return ir.Dense{}, fmt.Errorf("var %s: %w", v.Name, err)
	}
	d := ir.NewDense(v.Type.DType, shape...)
	r.m.Vars[v] = d
	return d, nil
}

// results runs f and returns its results.
func (r *run) results(f *ir.Func, args []ir.Dense, counter int64) ([]ir.Dense, error) {
	values, err := r.function(f, args, counter)
	if err != nil {
		return nil, err
	}
	out := make([]ir.Dense, len(f.Results))
	for i, v := range f.Results {
		out[i] = values[v]
	}
	return out, nil
}

// function computes all values of f.
func (r *run) function(f *ir.Func, args []ir.Dense, counter int64) (map[*ir.Value]ir.Dense, error) {
	if len(args) != len(f.Params) {
		return nil, fmt.Errorf("func %s takes %d arguments, have %d", f.Name, len(f.Params), len(args))
	}
	values := map[*ir.Value]ir.Dense{}
	for i, p := range f.Params {
		values[p] = args[i]
	}
	for _, i := range f.Instrs {
		if err := r.instr(i, values, counter); err != nil {
			return nil, fmt.Errorf("%s: %w", i, err)
		}
	}
	return values, nil
}

func (r *run) instr(i *ir.Instr, values map[*ir.Value]ir.Dense, counter int64) error {
	e, ok := i.Op.(op.Evaluable)
	if !ok {
		return fmt.Errorf("the operation has no evaluation")
	}
	in := make([]ir.Dense, len(i.Args))
	for k, a := range i.Args {
		in[k] = values[a]
	}
	c := &op.EvalContext{Dims: r.dims, Step: r.m.Step, Inputs: r.m.Inputs, Seed: r.m.Seed, Counter: counter, Run: r.results}
	for _, v := range i.Results {
		shape, err := concrete(v.Type.Shape, r.dims)
		if err != nil {
			return err
		}
		t := ir.Type{DType: v.Type.DType}
		for _, n := range shape {
			t.Shape = append(t.Shape, dim.Const(int64(n)))
		}
		c.Out = append(c.Out, t)
	}
	for k, d := range e.Eval(c, in) {
		values[i.Results[k]] = d
	}
	return nil
}

package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/pass"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Reference runs a spec in the float64 evaluator.
type Reference struct {
	m    *eval.Reference
	vars map[string]*ir.Var
}

// NewReference builds a spec of one file and gives its tensors their initial values.
// Only required passes run, so that the optimising ones cannot matter.
func NewReference(text string) (*Reference, error) {
	r, diags, err := compiler.Build(options(text))
	if err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		var s strings.Builder
		if err := diag.Render(&s, "text", diags, r.Info.Sources, diag.RenderOptions{}); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s\n%s", s.String(), text)
	}
	var optional []string
	for _, p := range pass.List() {
		if !p.Required {
			optional = append(optional, p.Name)
		}
	}
	if err := pass.RunTensor(r.IR, pass.Options{Disable: optional, Check: true}); err != nil {
		return nil, err
	}
	s := &Reference{m: eval.NewReference(r.IR), vars: map[string]*ir.Var{}}
	for _, v := range r.IR.Vars {
		s.vars[v.Name] = v
	}
	return s, s.m.Initialize()
}

// Vars returns the stored tensors in the order of the spec.
func (s *Reference) Vars() []*ir.Var { return s.m.Prog.Vars }

// Set gives a stored tensor its value.
func (s *Reference) Set(name string, v Values) error {
	x, ok := s.vars[name]
	if !ok {
		return fmt.Errorf("no stored tensor %s", name)
	}
	if have := s.m.Vars[x]; len(have.Data) != len(v.Data) {
		return fmt.Errorf("%s is %v, the value is %v", name, have.Shape, v.Shape)
	}
	// A new tensor: equal initial values may share one.
	s.m.Vars[x] = ir.Dense{DType: x.Type.DType, Shape: s.m.Vars[x].Shape, Data: slices.Clone(v.Data)}
	return nil
}

// Get returns a stored tensor.
func (s *Reference) Get(name string) (Values, error) {
	x, ok := s.vars[name]
	if !ok {
		return Values{}, fmt.Errorf("no stored tensor %s", name)
	}
	d := s.m.Vars[x]
	return Values{Shape: d.Shape, Data: d.Data}, nil
}

// Step makes update number n with a train block.
func (s *Reference) Step(train string, n int, feed map[string]Values) (float64, error) {
	s.m.Step = int64(n)
	out, err := s.call(s.m.Entry(ir.Train, train), feed)
	if err != nil {
		return 0, err
	}
	return out[0].Data[0], nil
}

// Run calls an entry.
func (s *Reference) Run(entry string, feed map[string]Values) ([]Values, error) {
	out, err := s.call(s.m.Entry(ir.Forward, entry), feed)
	var values []Values
	for _, d := range out {
		values = append(values, Values{Shape: d.Shape, Data: d.Data})
	}
	return values, err
}

func (s *Reference) call(e *ir.Entry, feed map[string]Values) ([]ir.Dense, error) {
	if e == nil {
		return nil, errors.New("no such entry")
	}
	var in []ir.Dense
	for _, i := range e.Inputs {
		v, ok := feed[i.Name]
		if !ok {
			return nil, fmt.Errorf("no value for the input %s", i.Name)
		}
		in = append(in, ir.Dense{DType: i.Value.Type.DType, Shape: v.Shape, Data: v.Data})
	}
	return s.m.Run(e, in...)
}

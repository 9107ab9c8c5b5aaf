package golden_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/pass"
	"github.com/mlc-go/mlc/dsl/diag"
	"github.com/mlc-go/mlc/internal/golden"
	"github.com/mlc-go/mlc/internal/refdata"
)

// reference runs a fragment's train block in the float64 evaluator.
type reference struct {
	m     *eval.Reference
	train *ir.Entry
	vars  map[string]*ir.Var
}

// newReference builds a model of one fragment and gives its tensors their initial
// values. Only required passes run, so that the optimising ones cannot matter.
func newReference(f *golden.Fragment) (*reference, error) {
	text := golden.Model("Case", []*golden.Fragment{f})
	r, diags, err := compiler.Build(compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": []byte(text)}, FS: os.DirFS(".")})
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
	m := eval.NewReference(r.IR)
	s := &reference{m: m, train: m.Entry(ir.Train, f.TrainName()), vars: map[string]*ir.Var{}}
	for _, v := range r.IR.Vars {
		s.vars[v.Name] = v
	}
	if s.train == nil {
		return nil, fmt.Errorf("no train block %s", f.TrainName())
	}
	_, err = m.Run(m.Entry(ir.Init, "init"))
	return s, err
}

func (s *reference) Set(name string, v golden.Values) error {
	x, ok := s.vars[name]
	if !ok {
		return fmt.Errorf("no stored tensor %s", name)
	}
	if have := s.m.Vars[x]; len(have.Data) != len(v.Data) {
		return fmt.Errorf("%s is %v, the case has %v", name, have.Shape, v.Shape)
	}
	// A new tensor: equal initial values may share one.
	s.m.Vars[x] = ir.Dense{DType: x.Type.DType, Shape: s.m.Vars[x].Shape, Data: slices.Clone(v.Data)}
	return nil
}

func (s *reference) Step(n int, feed map[string]golden.Values) (float64, error) {
	s.m.Step = int64(n)
	var in []ir.Dense
	for _, i := range s.train.Inputs {
		v, ok := feed[i.Name]
		if !ok {
			return 0, fmt.Errorf("no value for the input %s", i.Name)
		}
		in = append(in, ir.Dense{DType: i.Value.Type.DType, Shape: v.Shape, Data: v.Data})
	}
	out, err := s.m.Run(s.train, in...)
	if err != nil {
		return 0, err
	}
	return out[0].Data[0], nil
}

func (s *reference) Get(name string) (golden.Values, error) {
	x, ok := s.vars[name]
	if !ok {
		return golden.Values{}, fmt.Errorf("no stored tensor %s", name)
	}
	d := s.m.Vars[x]
	return golden.Values{Shape: d.Shape, Data: d.Data}, nil
}

// rounded lists operations of which the reference itself holds single-precision
// constants: PyTorch's derivative of hardsigmoid multiplies by float32(1/6).
var rounded = map[string]float64{"hardsigmoid": 5e-8}

// TestReferenceAgainstPyTorch runs every case through the float64 evaluator: the
// words mean what PyTorch's mean.
func TestReferenceAgainstPyTorch(t *testing.T) {
	dir := refdata.Path(t, "torch-golden")
	cases, err := golden.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	fragments, skipped := golden.Fragments(cases)
	passed := 0
	for _, f := range fragments {
		t.Run(f.Case.Name, func(t *testing.T) {
			arrays, err := f.Case.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			s, err := newReference(f)
			if err != nil {
				t.Fatal(err)
			}
			differ, err := f.Check(s, arrays, golden.Tolerance{Rel: max(1e-9, rounded[f.Case.Op]), Abs: 1e-12})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range differ {
				t.Error(d)
			}
			if len(differ) == 0 {
				passed++
			}
		})
	}
	t.Logf("torch-golden in float64: %d passed, %d failed, %d out of scope", passed, len(fragments)-passed, len(skipped))
}

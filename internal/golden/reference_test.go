package golden_test

import (
	"testing"

	"github.com/mlc-go/mlc/internal/golden"
	"github.com/mlc-go/mlc/internal/lab"
	"github.com/mlc-go/mlc/internal/refdata"
)

// newReference builds a model of one fragment in the float64 evaluator.
func newReference(f *golden.Fragment) (*lab.Reference, error) {
	return lab.NewReference(golden.Model("Case", []*golden.Fragment{f}))
}

// rounded lists operations of which the reference itself holds single-precision
// constants: PyTorch's derivative of hardsigmoid multiplies by float32(1/6).
// that of BCELoss at the ends divides by float32(1e-12).
var rounded = map[string]float64{"hardsigmoid": 5e-8, "BCELoss": 1e-8}

// TestReferenceAgainstPyTorch runs every case through the float64 evaluator: the
// words mean what PyTorch's mean.
func TestReferenceAgainstPyTorch(t *testing.T) { reference64(t, refdata.Path(t, "torch-golden")) }

func reference64(t *testing.T, dir string) {
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

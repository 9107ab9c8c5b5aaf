package golden_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/golden"
	"github.com/mlc-go/mlc/internal/lab"
	"github.com/mlc-go/mlc/internal/refdata"
)

// both runs a fragment in the float64 evaluator and in generated code, and notes
// where they differ.
type both struct {
	exact, rounded lab.Model
	differ         []string
}

func (b *both) note(what string, have, want golden.Values) {
	for i, w := range want.Data {
		if h := have.Data[i]; h != w && !(math.Abs(h-w) <= 1e-5+1e-4*math.Abs(w)) {
			b.differ = append(b.differ, fmt.Sprintf("%s: element %d is %g, the evaluator has %g", what, i, h, w))
			return
		}
	}
}

func (b *both) Set(name string, v golden.Values) error {
	if err := b.exact.Set(name, v); err != nil {
		return err
	}
	return b.rounded.Set(name, v)
}

func (b *both) Run(entry string, feed map[string]golden.Values) ([]golden.Values, error) {
	want, err := b.exact.Run(entry, feed)
	if err != nil {
		return want, err
	}
	have, err := b.rounded.Run(entry, feed)
	if err == nil {
		b.note(entry, have[0], want[0])
	}
	return want, err
}

func (b *both) Step(train string, n int, feed map[string]golden.Values) (float64, error) {
	want, err := b.exact.Step(train, n, feed)
	if err != nil {
		return 0, err
	}
	have, err := b.rounded.Step(train, n, feed)
	b.note(fmt.Sprintf("loss of step %d", n), golden.Values{Data: []float64{have}}, golden.Values{Data: []float64{want}})
	return want, err
}

func (b *both) Get(name string) (golden.Values, error) {
	want, err := b.exact.Get(name)
	if err != nil {
		return want, err
	}
	have, err := b.rounded.Get(name)
	if err == nil {
		b.note(name, have, want)
	}
	return want, err
}

// madeUp gives the arrays of a case that come from nowhere: inputs in the range of
// their kind, anything for what a reference would have computed.
func madeUp(c *golden.Case) map[string]golden.Values {
	out := map[string]golden.Values{}
	for k, a := range c.Arrays {
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		v := golden.Values{Shape: a.Shape, Data: make([]float64, n)}
		positive := c.Kind == "op" || c.Kind == "loss" || c.Op == "LPPool2d" || strings.HasPrefix(a.Name, "buf.")
		for i := range v.Data {
			x := math.Sin(float64(3*i + 5*k + 1))
			switch {
			case strings.HasSuffix(a.Name, "input_lengths"):
				x = 8
			case strings.HasSuffix(a.Name, "target_lengths"):
				x = 2
			case a.DType == "int64":
				x = float64((2*i+k)%3 + 1)
				if strings.HasPrefix(a.Name, "in.target") {
					x = float64((2*i + k) % 3)
				}
			case positive:
				x = 0.55 + 0.4*x
			}
			v.Data[i] = x
		}
		out[a.Name] = v
	}
	return out
}

// TestLongGeneratedAgainstEvaluator runs words with arguments that PyTorch's cases here
// do not have: what generated code computes is what the words mean.
func TestLongGeneratedAgainstEvaluator(t *testing.T) {
	refdata.Long(t)
	cases, err := golden.LoadFile("testdata/others.json")
	if err != nil {
		t.Fatal(err)
	}
	fragments, skipped := golden.Fragments(cases)
	for name, reason := range skipped {
		t.Errorf("%s: %s", name, reason)
	}
	bench, broken := newBench(t, fragments)
	for _, f := range fragments {
		t.Run(f.Case.Name, func(t *testing.T) {
			if err := broken[f]; err != nil {
				t.Fatal(err)
			}
			exact, err := newReference(f)
			if err != nil {
				t.Fatal(err)
			}
			s := &both{exact: exact, rounded: bench.model(f)}
			if _, err := f.Check(s, madeUp(f.Case), golden.Tolerance{}); err != nil {
				t.Fatal(err)
			}
			for _, d := range s.differ {
				t.Error(d)
			}
		})
	}
}

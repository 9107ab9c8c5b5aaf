package golden

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/mlc-go/mlc/internal/lab"
)

// Tolerance bounds a difference: |have - want| <= Abs + Rel |want|.
type Tolerance struct {
	Rel, Abs float64
	// Rounded says that what ran was not exact: elements in Null are not compared.
	Rounded bool
}

// Check runs the fragment on s with the case's arrays and returns what differs,
// in words; an error is a fault of the run itself.
func (f *Fragment) Check(s lab.Model, arrays map[string]Values, tol Tolerance) (differ []string, err error) {
	note := func(what string, have Values, want Values) {
		if d := tol.difference(have, want); d != "" {
			differ = append(differ, what+": "+d)
		}
	}
	if err := f.start(s, arrays); err != nil {
		return nil, err
	}
	if f.First != nil {
		if _, err := s.Step(f.FirstName(), 1, f.feed(arrays, 1)); err != nil {
			return nil, err
		}
		if err := compareAll(s, f.FirstName(), arrays, f.Outputs, f.Gradients, nil, note); err != nil {
			return nil, err
		}
		if err := f.start(s, arrays); err != nil {
			return nil, err
		}
	}
	for n := 1; n <= f.Steps; n++ {
		if err := f.step(s, arrays, n, note); err != nil {
			return nil, err
		}
	}
	if err := f.checkEnd(s, arrays, tol.Rounded, note); err != nil {
		return nil, err
	}
	if f.Entry == nil || tol.Rounded && !f.EvalRounded() {
		return differ, nil
	}
	have, err := s.Run(f.EntryName(), f.feed(arrays, 1))
	if len(f.Null) > 0 {
		tol.Rel *= 100
	}
	if err == nil {
		note(f.EntryName()+" against "+f.Eval, have[0], arrays[f.Eval])
	}
	return differ, err
}

// EvalRounded reports whether the output after the last update is the same for what
// rounding errors became: a mean that ran over a bias in Null is seen.
func (f *Fragment) EvalRounded() bool {
	for name := range f.Null {
		if strings.HasSuffix(name, ".running_mean") {
			return false
		}
	}
	return true
}

// start gives the stored tensors their first values.
func (f *Fragment) start(s lab.Model, arrays map[string]Values) error {
	for _, name := range sortedKeys(f.Set) {
		v, err := part(arrays, f.Set[name])
		if err == nil {
			err = s.Set(name, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step makes update n and compares what is there after every update.
func (f *Fragment) step(s lab.Model, arrays map[string]Values, n int, note func(string, Values, Values)) error {
	for _, name := range sortedKeys(f.Rates) {
		if err := s.Set(name, Values{Shape: []int{1}, Data: []float64{0}}); err != nil {
			return err
		}
	}
	loss, err := s.Step(f.TrainName(), n, f.feed(arrays, n))
	if err != nil {
		return err
	}
	if f.Loss != "" {
		want := Values{Data: arrays[f.Loss].Data[n-1 : n]}
		note(fmt.Sprintf("loss of step %d", n), Values{Data: []float64{loss}}, want)
	}
	for _, name := range sortedKeys(f.After) {
		have, err := s.Get(name)
		if err != nil {
			return err
		}
		note(fmt.Sprintf("%s after step %d", name, n), have, arrays[f.After[name]].Step(n-1))
	}
	for _, name := range sortedKeys(f.Rates) {
		have, err := s.Get(name)
		if err != nil {
			return err
		}
		array := f.Rates[name]
		note(fmt.Sprintf("%s of step %d", array, n), Values{Data: []float64{-have.Data[0]}}, Values{Data: arrays[array].Data[n-1 : n]})
	}
	return nil
}

// checkEnd compares what is there once, after the last step.
func (f *Fragment) checkEnd(s lab.Model, arrays map[string]Values, rounded bool, note func(string, Values, Values)) error {
	var null map[string][2]int
	if rounded {
		null = f.Null
	}
	if err := compareAll(s, f.TrainName(), arrays, f.Out, f.Grad, null, note); err != nil {
		return err
	}
	return compareAll(s, f.TrainName(), arrays, f.Final, nil, null, note)
}

// compareAll compares stored tensors and the gradients that a train block recorded,
// without the elements that null lists.
func compareAll(s lab.Model, train string, arrays map[string]Values, stored, gradients map[string]string, null map[string][2]int, note func(string, Values, Values)) error {
	for i, m := range []map[string]string{stored, gradients} {
		for _, name := range sortedKeys(m) {
			tensor := name
			if i == 1 {
				tensor = StateName(train, name)
			}
			have, err := s.Get(tensor)
			if err != nil {
				return err
			}
			want, err := part(arrays, m[name])
			if err != nil {
				return err
			}
			if from, to := null[name][0], null[name][1]; to > from {
				have.Data, want.Data = slices.Delete(slices.Clone(have.Data), from, to), slices.Delete(slices.Clone(want.Data), from, to)
			}
			note(tensor+" against "+m[name], have, want)
		}
	}
	return nil
}

// feed gives the inputs of update n; arrays with one axis more than the input
// have the step first.
func (f *Fragment) feed(arrays map[string]Values, n int) map[string]Values {
	out := map[string]Values{}
	for _, name := range sortedKeys(f.Feed) {
		v := arrays[f.Feed[name]]
		if f.Stepped {
			v = v.Step(n - 1)
		}
		out[name] = v
	}
	return out
}

// difference describes the worst element, "" when all are within the tolerance.
// Infinities of one sign are equal, and so are two values that are no numbers.
func (t Tolerance) difference(have, want Values) string {
	if len(have.Data) != len(want.Data) {
		return fmt.Sprintf("%d elements, want %d", len(have.Data), len(want.Data))
	}
	worst, at := 0.0, -1
	for i, w := range want.Data {
		h := have.Data[i]
		if h == w || math.IsNaN(h) && math.IsNaN(w) {
			continue
		}
		excess := math.Abs(h-w) / (t.Abs + t.Rel*math.Abs(w))
		if !(excess <= 1) && !(excess <= worst) {
			worst, at = excess, i
		}
	}
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("element %d is %.10g, want %.10g (%.3g times the tolerance)", at, have.Data[at], want.Data[at], worst)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

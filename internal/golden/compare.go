package golden

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Stepper runs a fragment's train block. The tests have one over the reference
// evaluator and one over generated code.
type Stepper interface {
	// Set gives a stored tensor its value.
	Set(name string, v Values) error
	// Step makes update number n (from 1) with the train block's inputs by name and
	// returns the loss.
	Step(n int, feed map[string]Values) (loss float64, err error)
	// Get returns a stored tensor.
	Get(name string) (Values, error)
}

// Tolerance bounds a difference: |have - want| <= Abs + Rel |want|.
type Tolerance struct {
	Rel, Abs float64
	// Rounded says that what ran was not exact: elements in Null are not compared.
	Rounded bool
}

// Check runs the fragment on s with the case's arrays and returns what differs,
// in words; an error is a fault of the run itself.
func (f *Fragment) Check(s Stepper, arrays map[string]Values, tol Tolerance) (differ []string, err error) {
	for _, name := range sortedKeys(f.Set) {
		v, err := part(arrays, f.Set[name])
		if err == nil {
			err = s.Set(name, v)
		}
		if err != nil {
			return nil, err
		}
	}
	note := func(what string, have Values, want Values) {
		if d := tol.difference(have, want); d != "" {
			differ = append(differ, what+": "+d)
		}
	}
	for n := 1; n <= f.Steps; n++ {
		if f.Rate != "" {
			if err := s.Set(f.Rate, Values{Shape: []int{1}, Data: []float64{0}}); err != nil {
				return nil, err
			}
		}
		loss, err := s.Step(n, f.feed(arrays, n))
		if err != nil {
			return nil, err
		}
		if f.Loss != "" {
			want := Values{Data: arrays[f.Loss].Data[n-1 : n]}
			note(fmt.Sprintf("loss of step %d", n), Values{Data: []float64{loss}}, want)
		}
		for _, name := range sortedKeys(f.After) {
			have, err := s.Get(name)
			if err != nil {
				return nil, err
			}
			note(fmt.Sprintf("%s after step %d", name, n), have, arrays[f.After[name]].Step(n-1))
		}
		if f.Rate != "" {
			have, err := s.Get(f.Rate)
			if err != nil {
				return nil, err
			}
			note(fmt.Sprintf("rate of step %d", n), Values{Data: []float64{-have.Data[0]}}, Values{Data: arrays["lr"].Data[n-1 : n]})
		}
	}
	return differ, f.checkEnd(s, arrays, tol.Rounded, note)
}

// checkEnd compares what is there once, after the last step.
func (f *Fragment) checkEnd(s Stepper, arrays map[string]Values, rounded bool, note func(string, Values, Values)) error {
	for _, m := range []map[string]string{f.Out, f.Grad, f.Final} {
		for _, name := range sortedKeys(m) {
			stored, array := name, m[name]
			if f.Grad[name] == array {
				stored = f.StateName(name)
			}
			have, err := s.Get(stored)
			if err != nil {
				return err
			}
			want, err := part(arrays, array)
			if err != nil {
				return err
			}
			if from, to := f.Null[name][0], f.Null[name][1]; rounded && to > from {
				have.Data, want.Data = slices.Delete(slices.Clone(have.Data), from, to), slices.Delete(slices.Clone(want.Data), from, to)
			}
			note(stored+" against "+array, have, want)
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

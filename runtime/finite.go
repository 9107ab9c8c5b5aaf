package mlrt

import "math"

// Finite reports whether v is neither infinite nor NaN.
func Finite(v float32) bool { return v-v == 0 }

// Watched is a tensor that FirstNotFinite looks at.
type Watched struct {
	Name string
	Line int    // in the model's file, 0 for none
	From string // the stage that computes it
	Data any
}

// FirstNotFinite returns the error about a loss that is not finite: it names the
// first tensor of list, which is in the order of computation, that holds a NaN
// or an infinity, and its line of the model. It wraps ErrNotFinite.
func FirstNotFinite(file string, loss float32, list []Watched) error {
	for _, w := range list {
		i, v, ok := notFinite(w.Data)
		if !ok {
			continue
		}
		where := ""
		if w.Line > 0 {
			where = text(" (", file, ":", w.Line, "  ", w.From, ")")
		}
		return failed(ErrNotFinite, "it is ", loss, "; the first bad tensor is ", w.Name, where, ": element ", i, " is ", v)
	}
	return failed(ErrNotFinite, "it is ", loss)
}

func notFinite(data any) (at int, v float64, found bool) {
	switch s := data.(type) {
	case []float32:
		for i, v := range s {
			if !Finite(v) {
				return i, float64(v), true
			}
		}
	case []float64:
		for i, v := range s {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return i, v, true
			}
		}
	}
	return 0, 0, false
}

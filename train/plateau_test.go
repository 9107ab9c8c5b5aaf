package train

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// TestPlateauAgainstPyTorch follows the rates of ReduceLROnPlateau.
func TestPlateauAgainstPyTorch(t *testing.T) {
	r, err := os.Open(refdata.Path(t, "torch-golden", "cases", "sched_plateau_p2.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := mlrt.ReadFile(r)
	if err != nil {
		t.Fatal(err)
	}
	rates, figures := make([]float64, 30), make([]float64, 30)
	for name, dst := range map[string][]float64{"lr": rates, "metrics": figures} {
		if err := f.Read(f.Find(name), dst); err != nil {
			t.Fatal(err)
		}
	}
	p, err := ParsePlateau("factor=0.5,patience=2")
	if err != nil {
		t.Fatal(err)
	}
	s, lowest := plateauState{Scale: 1}, 1.0
	for i, want := range rates {
		if have := 0.1 * s.Scale; math.Abs(have-want) > 1e-15 {
			t.Errorf("step %d: rate %v, PyTorch %v", i, have, want)
		}
		s = p.next(s, figures[i])
		lowest = min(lowest, s.Scale)
	}
	if lowest == 1 {
		t.Error("the case reduces nothing")
	}
}

// TestPlateauRules follows the rule by hand: figures, and the scale after each.
func TestPlateauRules(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		figures []float64
		scales  []float64
	}{
		"patience":          {"factor=0.5,patience=1", []float64{3, 3, 3, 3, 3}, []float64{1, 1, 0.5, 0.5, 0.25}},
		"no patience":       {"factor=0.5,patience=0", []float64{3, 2, 2, 1, 1}, []float64{1, 1, 0.5, 0.5, 0.25}},
		"relative":          {"factor=0.5,patience=0,threshold=0.5", []float64{4, 2.5, 1.9}, []float64{1, 0.5, 0.5}},
		"absolute":          {"factor=0.5,patience=0,threshold=1,threshold_mode=abs", []float64{4, 3.5, 2.9}, []float64{1, 0.5, 0.5}},
		"maximum":           {"factor=0.5,patience=0,mode=max", []float64{1, 2, 2, 3}, []float64{1, 1, 0.5, 0.5}},
		"maximum, relative": {"factor=0.5,patience=0,mode=max,threshold=0.5", []float64{2, 2.9, 3.1}, []float64{1, 0.5, 0.5}},
		"cooldown":          {"factor=0.5,patience=0,cooldown=2", []float64{1, 1, 1, 1, 1}, []float64{1, 0.5, 0.5, 0.5, 0.25}},
		"lower bound":       {"factor=0.5,patience=0,min_scale=0.4", []float64{1, 1, 1, 1}, []float64{1, 0.5, 0.4, 0.4}},
		"not a number":      {"factor=0.5,patience=0", []float64{math.NaN(), 1, math.NaN()}, []float64{0.5, 0.5, 0.25}},
	} {
		p, err := ParsePlateau(c.text)
		if err != nil {
			t.Fatal(err)
		}
		s := plateauState{Scale: 1}
		for i, f := range c.figures {
			if s = p.next(s, f); s.Scale != c.scales[i] {
				t.Errorf("%s, epoch %d: scale %v, want %v", name, i+1, s.Scale, c.scales[i])
			}
		}
	}
	for _, bad := range []string{"factor=2", "patience=-1", "speed=3", "mode=best", "patience=x", "min_scale=2", "threshold=NaN"} {
		if _, err := ParsePlateau(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestPlateauInRun: the scale reaches the trainer, survives a resume, and a
// metric that is not there is an error.
func TestPlateauInRun(t *testing.T) {
	p := &Plateau{Factor: 0.5, Threshold: 10, Absolute: true} // nothing is 10 better
	o := Options{Epochs: 3, Plateau: p, Dir: t.TempDir()}
	f := newFake(6, 4)
	if _, err := Run(context.Background(), f, trainPoints, testPoints, o); err != nil {
		t.Fatal(err)
	}
	if f.scale != 0.25 {
		t.Errorf("scale after three epochs %v, want 0.25", f.scale)
	}
	o.Epochs, o.Resume = 4, true
	g := newFake(6, 4)
	var scales []float64
	o.Observe = func(e Event) {
		switch e := e.(type) {
		case Started:
			scales = append(scales, g.scale)
		case EpochDone:
			scales = append(scales, float64(*e.LRScale))
		}
	}
	if _, err := Run(context.Background(), g, trainPoints, testPoints, o); err != nil {
		t.Fatal(err)
	}
	if len(scales) != 2 || scales[0] != 0.25 || scales[1] != 0.125 {
		t.Errorf("resumed with scales %v, want 0.25 and 0.125", scales)
	}
	o = Options{Epochs: 1, Plateau: &Plateau{Factor: 0.5, Metric: "recall"}}
	if _, err := Run(context.Background(), newFake(6, 4), trainPoints, testPoints, o); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "recall") {
		t.Errorf("unknown metric: %v", err)
	}
}

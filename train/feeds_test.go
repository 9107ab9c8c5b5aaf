package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// skewed has three samples of class 0 for each of class 1, none of class 2.
type skewed struct{ points }

func (s skewed) Read(c int, samples []int, dst any) error {
	if c == 0 {
		return s.points.Read(c, samples, dst)
	}
	for i, k := range samples {
		dst.([]int32)[i] = 0
		if k%4 == 3 {
			dst.([]int32)[i] = 1
		}
	}
	return nil
}

func TestBalancedWeights(t *testing.T) {
	d := skewed{points{n: 8000, in: 2, classes: 3, names: [2]string{"image", "label"}}}
	w, err := BalancedWeights(d)
	// By hand: 8000 / (3 * 6000), 8000 / (3 * 2000), and nothing to weigh.
	if err != nil || !slices.Equal(w, []float32{4.0 / 9, 4.0 / 3, 0}) {
		t.Errorf("weights %v, %v", w, err)
	}
	inputs := []mlrt.Field{
		field("x", mlrt.Float32, "batch", 2), field("labels", mlrt.Int32, "batch"),
		field("class_weights", mlrt.Float32, 3), field("sample_weight", mlrt.Float32, "batch"),
	}
	f, err := newFeed(inputs, d, Feeds{ClassWeights: w}, 1)
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.load([]int{2, 3, 4}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := in[2].Data.([]float32); !slices.Equal(got, w) || !slices.Equal(in[2].Shape, []int{3}) {
		t.Errorf("class weights %v %v", in[2].Shape, got)
	}
	if got := in[3].Data.([]float32); !slices.Equal(got, []float32{w[0], w[1], w[0]}) {
		t.Errorf("sample weights %v", got)
	}
	inputs[2] = field("class_weights", mlrt.Float32, 4)
	if _, err := newFeed(inputs, d, Feeds{ClassWeights: w}, 1); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "3 classes") {
		t.Errorf("an input for four classes: %v", err)
	}
	if _, err := newFeed(inputs, d, Feeds{}, 1); !errors.Is(err, ErrMismatch) {
		t.Errorf("nothing feeds the weights: %v", err)
	}
}

// TestDraw: noise is standard normal, a function of seed, input, epoch and batch.
func TestDraw(t *testing.T) {
	inputs := []mlrt.Field{field("z", mlrt.Float32, "batch", 64), field("x", mlrt.Float32, "batch", 6)}
	load := func(seed uint64, epoch, batch int) []float32 {
		f, err := newFeed(inputs, trainPoints, Feeds{Draws: []string{"z"}}, seed)
		if err != nil {
			t.Fatal(err)
		}
		samples := make([]int, 150)
		in, err := f.load(samples, epoch, batch)
		if err != nil {
			t.Fatal(err)
		}
		return in[0].Data.([]float32)
	}
	z := load(1, 0, 0)
	if !slices.Equal(z, load(1, 0, 0)) {
		t.Error("the same batch has other noise")
	}
	for _, o := range [][]float32{load(2, 0, 0), load(1, 1, 0), load(1, 0, 1), load(1, evaluationEpoch, 0)} {
		if slices.Equal(z, o) {
			t.Error("another batch has the same noise")
		}
	}
	var m [4]float64 // of the first four powers; of a normal distribution 0, 1, 0, 3
	for _, v := range z {
		p := 1.0
		for k := range m {
			p *= float64(v)
			m[k] += p / float64(len(z))
		}
	}
	for k, want := range []float64{0, 1, 0, 3} {
		// Standard errors over 9600 draws: 0.01, 0.014, 0.04, 0.1; five of them.
		if bound := []float64{0.05, 0.07, 0.2, 0.5}[k]; math.Abs(m[k]-want) > bound {
			t.Errorf("moment %d is %v, want %v", k+1, m[k], want)
		}
	}
	if _, err := newFeed(inputs, trainPoints, Feeds{Draws: []string{"y"}}, 1); !errors.Is(err, ErrMismatch) {
		t.Errorf("no such input: %v", err)
	}
}

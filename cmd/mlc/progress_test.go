package main

import (
	"math"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/train"
)

// TestProgressLines: without a terminal there is one line an epoch.
func TestProgressLines(t *testing.T) {
	var out strings.Builder
	p := (&app{stderr: &out}).progress()
	loss, accuracy := train.Number(0.25), train.Number(0.9)
	p.show(train.Started{Model: "M", Parameters: 101770, Epochs: 2, Batches: 3, Samples: 180, Tests: 20, Batch: 64, Seed: 1})
	p.show(train.Progress{Epoch: 1, Batch: 1})
	p.show(train.EpochDone{Epoch: 1, TrainLoss: 0.5, TestLoss: &loss, TestMetrics: map[string]train.Number{"accuracy": accuracy}, SamplesPerSecond: 12345, Seconds: 1.25})
	p.show(train.EpochDone{Epoch: 2, TrainLoss: 0.5, TrainMetrics: map[string]train.Number{"accuracy": accuracy}})
	p.show(train.Done{})
	want := `M: 101,770 parameters, 180 training and 20 test samples, batches of 64, seed 1
epoch 1/2  train loss 0.5000  test loss 0.2500  accuracy 0.9000  12,345 samples/s  1.2 s
epoch 2/2  train loss 0.5000  accuracy 0.9000  0 samples/s  0.0 s
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{{0.5, "0.5000"}, {0, "0.0000"}, {-12.34567, "-12.3457"}, {3.2e-6, "3.2e-06"}, {3.5e21, "3.5e+21"}, {math.NaN(), "NaN"}, {math.Inf(1), "+Inf"}} {
		if got := figure(train.Number(c.n)); got != c.want {
			t.Errorf("%v is written %s, want %s", c.n, got, c.want)
		}
	}
}

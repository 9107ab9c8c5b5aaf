package main

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
	"github.com/mlc-go/mlc/train"
)

// TestLongForeignWeights evaluates networks whose weights other programs trained.
// The figures are those programs': of MLPerf Tiny's ResNet-8 as its data set's
// keepers state it, and of burn's network as PyTorch computes it in float64.
func TestLongForeignWeights(t *testing.T) {
	refdata.Long(t)
	testdata := filepath.Join("..", "..", "specs", "testdata")
	for _, c := range []struct {
		net, weights, data string
		flags              []string
		samples            int
		right, loss        float64 // loss 0: not known
	}{
		{"resnet8.ml", "mlperf-tiny-resnet8-cifar10.safetensors", "cifar10", []string{"--map", filepath.Join(testdata, "keras.map"), "--scale", "none"}, 1000, 881, 0},
		{"mnist_burn.ml", "mnist-burn.safetensors", "mnist", []string{"--map", "*.num_batches_tracked=-"}, 10_000, 9917, 0.028088002640002212},
	} {
		t.Run(c.net, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"eval", filepath.Join(testdata, c.net), "--weights", refdata.Path(t, "models", c.weights), "--data", refdata.Path(t, c.data), "--format", "json"}, c.flags...)
			if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
				t.Fatalf("exit code %d\n%s", code, stderr.String())
			}
			e, err := train.DecodeEvent(bytes.TrimSpace(stdout.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			r, ok := e.(train.Evaluated)
			if !ok || r.Samples != c.samples || r.Accuracy == nil || math.Abs(float64(*r.Accuracy)*float64(c.samples)-c.right) > 0.01 {
				t.Errorf("%+v, want %v of %d right", e, c.right, c.samples)
			}
			if c.loss > 0 && math.Abs(float64(r.Loss)-c.loss) > 1e-6 {
				t.Errorf("loss %v, want %v", r.Loss, c.loss)
			}
		})
	}
}

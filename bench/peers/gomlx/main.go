// Command gomlx is GoMLX, on its backend in Go, as a peer of the benchmark: one
// JSON line for each line "train OPTIMIZER BATCH SECONDS" on standard input. The
// model is the 784-128-10 classifier, the optimizer adam or sgd, which has no
// momentum there. Random data.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

func main() {
	out := json.NewEncoder(os.Stdout)
	check(out.Encode(map[string]string{"name": "GoMLX", "version": "0.26.0, simplego backend"}))
	backend, err := backends.NewWithConfig("go")
	check(err)
	steps := map[string]func(){}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var kind, optimizer string
		var batch int
		var seconds float64
		_, err := fmt.Sscan(in.Text(), &kind, &optimizer, &batch, &seconds)
		check(err)
		key := fmt.Sprint(optimizer, batch)
		if steps[key] == nil {
			steps[key] = trainer(backend, optimizer, batch)
			steps[key]()
		}
		check(out.Encode(timed(steps[key], seconds)))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func timed(step func(), seconds float64) map[string]float64 {
	var times []float64
	for end := time.Now().Add(time.Duration(seconds * 1e9)); len(times) < 3 || time.Now().Before(end); {
		begin := time.Now()
		step()
		times = append(times, float64(time.Since(begin).Nanoseconds())/1e3)
	}
	slices.Sort(times)
	return map[string]float64{"us_median": times[len(times)/2], "us_min": times[0]}
}

func classifier(ctx *context.Context, _ any, inputs []*graph.Node) []*graph.Node {
	hidden := activations.Relu(layers.Dense(ctx.In("fc1"), inputs[0], true, 128))
	return []*graph.Node{layers.Dense(ctx.In("fc2"), hidden, true, 10)}
}

func trainer(backend backends.Backend, optimizer string, batch int) func() {
	var opt optimizers.Interface = optimizers.StochasticGradientDescent().WithDecay(false).WithLearningRate(0.01).Done()
	if optimizer == "adam" {
		opt = optimizers.Adam().LearningRate(1e-3).Done()
	}
	trainer := train.NewTrainer(backend, context.New(), classifier, losses.SparseCategoricalCrossEntropyLogits, opt, nil, nil)
	images, labels := make([]float32, batch*784), make([]int32, batch)
	for i := range images {
		images[i] = float32(rand.NormFloat64())
	}
	for i := range labels {
		labels[i] = rand.Int32N(10)
	}
	x := tensors.FromFlatDataAndDimensions(images, batch, 784)
	y := tensors.FromFlatDataAndDimensions(labels, batch, 1)
	return func() {
		_, err := trainer.TrainStep(nil, []*tensors.Tensor{x}, []*tensors.Tensor{y})
		check(err)
	}
}

package train_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"path/filepath"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/specs/mlp"
	"github.com/mlc-go/mlc/train"
)

// bars makes n images of 28x28 with a bright row each; where it lies says the
// class.
func bars(n int) *data.Set {
	pixels, labels := make([]uint8, n*784), make([]int32, n)
	for i := range n {
		labels[i] = int32(i * 7 % 10)
		for x := range 28 {
			pixels[i*784+(2*int(labels[i])+i%2)*28+x] = uint8(128 + i*31%128)
		}
	}
	set, err := data.NewSet("bars", []data.Column{
		{Name: "x", DType: mlrt.Uint8, Shape: []int{28, 28}},
		{Name: "labels", DType: mlrt.Int32, Classes: 10},
	}, []any{pixels, labels})
	if err != nil {
		log.Fatal(err)
	}
	if set, err = set.Scale(data.Scaling{Column: "x", Divide: 255}); err != nil {
		log.Fatal(err)
	}
	return set
}

// What `mlc train` does, from Go: a data set in memory, a folder with
// checkpoints, the best epoch, early stopping, a rate that is lowered. The run is
// stopped after a few steps and goes on as if it had not been.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	training, tests := bars(600), bars(120)
	o := train.Options{
		Epochs: 8, Batch: 32, Seed: 1, Dir: dir, KeepBest: true, Patience: 3, Plateau: train.NewPlateau(), Prefetch: 2,
		Observe: func(e train.Event) {
			if e, ok := e.(train.EpochDone); ok && e.Epoch == 8 {
				fmt.Printf("epoch %d, accuracy %.2f\n", e.Epoch, float64(e.TestMetrics["accuracy"]))
			}
		},
	}
	model := mlp.Generated()
	run := func() *train.Done {
		t := model.New(1).OpenTrainer(mlrt.Options{Seed: 1})
		defer t.Close()
		done, err := train.Run(context.Background(), t, training, tests, o)
		if err != nil {
			log.Fatal(err)
		}
		return done
	}
	o.Steps = 20 // in the middle of the second epoch
	fmt.Println(run().Steps, "steps")
	o.Steps, o.Resume = 0, true
	fmt.Println(run().Steps, "steps")

	m := model.New(0)
	w, err := train.OpenWeights(filepath.Join(dir, "best.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := w.Load(m, train.LoadOptions{}); err != nil {
		log.Fatal(err)
	}
	t := m.OpenTrainer(mlrt.Options{})
	defer t.Close()
	result, err := train.Evaluate(context.Background(), t, "train", tests, 64, train.Feeds{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("best: %.2f of %d\n", float64(*result.Accuracy), result.Samples)
	// Output:
	// 20 steps
	// epoch 8, accuracy 1.00
	// 152 steps
	// best: 1.00 of 120
}

// Data that is larger than memory, or that a program makes: batches as an
// iterator, mixed within a window, made on another goroutine while the model
// trains. A batch that does not fit is an error that names the input.
func ExampleRunStream() {
	source := bars(600)
	stream := func(epoch int) iter.Seq2[train.Batch, error] {
		numbers := func(yield func(int, error) bool) { // of a file's records, say
			for i := range source.Len() {
				if !yield(i, nil) {
					return
				}
			}
		}
		return func(yield func(train.Batch, error) bool) {
			const size = 30
			x, labels := make([]float32, size*784), make([]int32, size)
			var samples []int
			for i, err := range train.ShuffleWindow(numbers, 100, 7, epoch) {
				if samples = append(samples, i); err == nil && len(samples) < size {
					continue
				}
				err = errors.Join(err, source.Read(0, samples, x), source.Read(1, samples, labels))
				samples = samples[:0]
				if !yield(train.Batch{{Shape: []int{size, 784}, Data: x}, {Shape: []int{size}, Data: labels}}, err) {
					return
				}
			}
		}
	}
	t := mlp.Generated().New(1).OpenTrainer(mlrt.Options{Seed: 1})
	defer t.Close()
	done, err := train.RunStream(context.Background(), t, stream, bars(120), train.Options{Epochs: 8, Prefetch: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d steps, accuracy %.2f\n", done.Steps, float64(*done.TestAccuracy))

	wrong := func(int) iter.Seq2[train.Batch, error] {
		return func(yield func(train.Batch, error) bool) {
			yield(train.Batch{{Shape: []int{2, 785}, Data: make([]float32, 2*785)}, {Shape: []int{2}, Data: make([]int32, 2)}}, nil)
		}
	}
	_, err = train.RunStream(context.Background(), t, wrong, nil, train.Options{})
	fmt.Println(err)
	// Output:
	// 160 steps, accuracy 1.00
	// epoch 1, step 161: batch 1: the data does not fit the model: input "x" is float32[2, 785], want float32[batch, 784]: axis 1 is 785, not 784
}

// Weights of another program, whose tensors have other names.
func ExampleWeights_Load() {
	file := filepath.Join(os.TempDir(), "theirs.safetensors")
	defer os.Remove(file)
	var theirs []mlrt.Stored
	for _, v := range mlp.Generated().Info.Vars {
		if v.Kind == mlrt.Param {
			n := 1
			for _, d := range v.Shape {
				n *= d
			}
			theirs = append(theirs, mlrt.Stored{Name: "module." + v.Name, DType: v.DType, Shape: v.Shape, Data: v.DType.Make(n)})
		}
	}
	f, err := os.Create(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(mlrt.WriteFile(f, nil, theirs), f.Close()); err != nil {
		log.Fatal(err)
	}
	w, err := train.OpenWeights(file)
	if err != nil {
		log.Fatal(err)
	}
	rules, err := train.ParseWeightMap("module.* = *")
	if err != nil {
		log.Fatal(err)
	}
	report, err := w.Load(mlp.Generated().New(1), train.LoadOptions{Map: rules})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Loaded, "tensors")
	// Output:
	// 4 tensors
}

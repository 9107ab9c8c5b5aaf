// Command digits trains a digit classifier on a folder with MNIST's files and
// saves its weights, or asks saved weights about the folder's test images. It
// uses the generated package, its runtime and packages data and train alone.
//
//	digits -data DIR -weights digits.safetensors -epochs 3
//	digits -data DIR -weights digits.safetensors -ask 5
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/examples/digits/digits"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

const (
	batchSize = 64
	pixels    = 28 * 28
	classes   = 10
	seed      = 1
)

func main() {
	log.SetFlags(0)
	dir := flag.String("data", "", "folder with the four files of MNIST")
	weights := flag.String("weights", "digits.safetensors", "weights file")
	epochs := flag.Int("epochs", 3, "passes over the training images")
	ask := flag.Int("ask", 0, "classify so many test images instead of training")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	src, err := data.Open(*dir, data.Options{})
	if err == nil && *ask > 0 {
		err = answer(os.Stdout, *weights, src.Tests, *ask)
	} else if err == nil {
		err = learn(ctx, os.Stdout, *weights, src.Train, *epochs)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// learn trains a fresh network on set and saves its weights.
func learn(ctx context.Context, out io.Writer, weights string, set *data.Set, epochs int) error {
	trainer := digits.New(seed).NewTrainer(digits.TrainOptions{Batch: batchSize, Seed: seed})
	defer trainer.Close()
	for epoch := range epochs {
		sum, n := 0.0, 0
		for step, err := range trainer.Train(ctx, batches(set, epoch)) {
			if err != nil {
				return err
			}
			sum, n = sum+float64(step.Loss), n+1
		}
		fmt.Fprintf(out, "epoch %d: loss %.4f\n", epoch+1, sum/float64(n))
	}
	if err := os.MkdirAll(filepath.Dir(weights), 0o777); err != nil {
		return err
	}
	return train.WriteFileAtomic(train.Disk, weights, trainer.Snapshot().Save)
}

// batches yields the samples of set in an order of the epoch's own. The slices
// of a batch are reused for the next.
func batches(set *data.Set, epoch int) iter.Seq2[digits.Batch, error] {
	return func(yield func(digits.Batch, error) bool) {
		order := make([]int, set.Len())
		mlrt.Shuffle(order, seed, epoch)
		images, labels := make([]float32, batchSize*pixels), make([]int32, batchSize)
		for lo := 0; lo < len(order); lo += batchSize {
			part := order[lo:min(lo+batchSize, len(order))]
			b := digits.Batch{Image: images[:len(part)*pixels], Labels: labels[:len(part)]}
			err := read(set, part, b.Image, b.Labels)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// read copies samples of set.
func read(set *data.Set, samples []int, images []float32, labels []int32) error {
	if err := set.Read(set.Find(data.ImageColumn), samples, images); err != nil {
		return err
	}
	return set.Read(set.Find(data.LabelColumn), samples, labels)
}

// answer prints what the network with the given weights sees in the first n
// images of set.
func answer(out io.Writer, weights string, set *data.Set, n int) error {
	net, err := digits.LoadFS(os.DirFS(filepath.Dir(weights)), filepath.Base(weights))
	if err != nil {
		return err
	}
	image, label, scores := make([]float32, pixels), make([]int32, 1), make([]float32, classes)
	for i := range min(n, set.Len()) {
		if err := read(set, []int{i}, image, label); err != nil {
			return err
		}
		if err := net.Predict(scores, image); err != nil {
			return err
		}
		best := 0
		for k, s := range scores {
			if s > scores[best] {
				best = k
			}
		}
		fmt.Fprintf(out, "image %d: I see a %d, it is a %d\n", i, best, label[0])
	}
	return nil
}

// Command hash trains the classifier for a few steps on numbers it makes up and
// prints a hash of the weights. Every machine must print the same.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"

	"github.com/mlc-go/mlc/specs/mlp"
)

func main() {
	const batch, pixels = 48, 784
	t := mlp.New(7).NewTrainer(mlp.TrainOptions{Batch: batch, Threads: 2})
	images, labels := make([]float32, batch*pixels), make([]int32, batch)
	state := uint32(1)
	next := func() uint32 { // a linear congruential generator (Knuth)
		state = state*1664525 + 1013904223
		return state >> 8
	}
	for range 20 {
		for i := range images {
			images[i] = float32(next()) / (1 << 24)
		}
		for i := range labels {
			labels[i] = int32(next() % 10)
		}
		if _, err := t.Step(images, labels); err != nil {
			log.Fatal(err)
		}
	}
	h := sha256.New()
	if err := t.Snapshot().Save(h); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", h.Sum(nil))
}

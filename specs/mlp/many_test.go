package mlp_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/mlc-go/mlc/specs/mlp"
)

// TestManyModels trains several models at a time in one process, with different
// numbers of threads, and answers with another: each must become what it becomes
// alone.
func TestManyModels(t *testing.T) {
	train := func(seed uint64, threads int) ([]byte, error) {
		r := rand.New(rand.NewPCG(seed, 1))
		images, labels := make([]float32, 32*784), make([]int32, 32)
		trainer := mlp.New(seed).NewTrainer(mlp.TrainOptions{Batch: 32, Threads: threads, Seed: seed})
		defer trainer.Close()
		session := mlp.New(seed).NewSession(32)
		defer session.Close()
		for range 20 {
			for i := range images {
				images[i] = r.Float32()
			}
			for i := range labels {
				labels[i] = r.Int32N(10)
			}
			if _, err := trainer.Step(images, labels); err != nil {
				return nil, err
			}
			if _, err := session.Forward(images); err != nil {
				return nil, err
			}
		}
		var b bytes.Buffer
		err := trainer.Snapshot().Save(&b)
		return b.Bytes(), err
	}
	const models = 12
	var alone [models][]byte
	for i := range alone {
		var err error
		if alone[i], err = train(uint64(i), 1); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range alone {
		wg.Go(func() {
			have, err := train(uint64(i), i%4)
			if err != nil {
				t.Error(err)
			} else if !bytes.Equal(have, alone[i]) {
				t.Errorf("model %d becomes another beside others", i)
			}
		})
	}
	wg.Wait()
	if bytes.Equal(alone[0], alone[1]) {
		t.Error("two seeds give one model")
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// warmUp steps are not measured: the first one takes the memory.
const warmUp = 3

// bench measures steps of a train block on made-up samples.
func (p *program) bench(ctx context.Context, job Job) error {
	block, err := FindBlock(p.g.Info, job.Block)
	if err != nil {
		return err
	}
	inputs, err := madeUp(p.g.Info.Trains[block].Inputs, job)
	if err != nil {
		return err
	}
	t := p.g.New(job.Seed).OpenTrainer(mlrt.Options{Batch: job.Batch, Threads: job.Threads, Seed: job.Seed, Target: job.Target})
	result := Benched{Block: p.g.Info.Trains[block].Name, Batch: job.Batch}
	err = measure(ctx, t, block, inputs, job.Seconds, &result)
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	p.tell(result)
	return nil
}

// measure times steps for the given seconds, then evaluations of the same batch.
func measure(ctx context.Context, t mlrt.Trainer, block int, inputs []mlrt.Tensor, seconds float64, b *Benched) error {
	step := func() error {
		_, err := t.Step(block, inputs, false)
		return err
	}
	for range warmUp {
		if err := step(); err != nil {
			return err
		}
	}
	var before, after runtime.MemStats
	times := make([]time.Duration, 0, 1<<16)
	runtime.ReadMemStats(&before)
	err := repeat(ctx, seconds, &times, step)
	runtime.ReadMemStats(&after)
	if err != nil {
		return err
	}
	b.Steps = len(times)
	b.Allocations = Number(float64(after.Mallocs-before.Mallocs) / float64(len(times)))
	b.StepSeconds = median(times)
	b.SamplesPerSecond = Number(float64(b.Batch) / float64(b.StepSeconds))
	times = times[:0]
	err = repeat(ctx, seconds/4, &times, func() error {
		_, err := t.Evaluate(block, inputs)
		return err
	})
	if err != nil {
		return err
	}
	b.EvaluateSeconds = median(times)
	return nil
}

// repeat calls f until the time is over or times is full, at least once.
func repeat(ctx context.Context, seconds float64, times *[]time.Duration, f func() error) error {
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for {
		begin := time.Now()
		if err := f(); err != nil {
			return err
		}
		now := time.Now()
		*times = append(*times, now.Sub(begin))
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		if now.After(end) || len(*times) == cap(*times) {
			return nil
		}
	}
}

func median(times []time.Duration) Number {
	slices.Sort(times)
	return Number(times[len(times)/2].Seconds())
}

// madeUp returns inputs of the right shape: uniform numbers in [0, 1), and the
// integers 0 and 1, which every vocabulary and set of classes has.
func madeUp(inputs []mlrt.Field, job Job) ([]mlrt.Tensor, error) {
	var list []mlrt.Tensor
	for k, in := range inputs {
		shape := make([]int, len(in.Shape))
		for i, d := range in.Shape {
			n, given := job.Sizes[d.Name]
			switch {
			case d.Name == "":
				n = d.Size
			case given:
			case i == 0:
				n = job.Batch
			default:
				return nil, fmt.Errorf("%w: input %q is %s: give a size for %s", ErrMismatch, in.Name, Describe(in), d.Name)
			}
			shape[i] = n
		}
		data := in.DType.Make(elements(shape))
		fill(data, mlrt.StreamKey(job.Seed, in.Name), k)
		list = append(list, mlrt.Tensor{Shape: shape, Data: data})
	}
	return list, nil
}

func fill(data any, key [2]uint32, input int) {
	word := func(i int) uint32 { return mlrt.Philox(key, [4]uint32{uint32(i), uint32(input)})[0] }
	switch d := data.(type) {
	case []float32:
		for i := range d {
			d[i] = mlrt.Uniform(word(i))
		}
	case []float64:
		for i := range d {
			d[i] = float64(mlrt.Uniform(word(i)))
		}
	case []int64:
		bits(d, word)
	case []int32:
		bits(d, word)
	case []int16:
		bits(d, word)
	case []int8:
		bits(d, word)
	case []uint8:
		bits(d, word)
	case []bool:
		for i := range d {
			d[i] = word(i)&1 != 0
		}
	}
}

func bits[T int64 | int32 | int16 | int8 | uint8](d []T, word func(int) uint32) {
	for i := range d {
		d[i] = T(word(i) & 1)
	}
}

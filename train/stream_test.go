package train

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// batchesOf streams the points in batches of size, mixed within a window, as a
// reader of a large file would. It uses a batch's memory again.
func batchesOf(p points, size int) Stream {
	return func(epoch int) iter.Seq2[Batch, error] {
		samples := func(yield func(int, error) bool) {
			for i := range p.n {
				if !yield(i, nil) {
					return
				}
			}
		}
		x, y := make([]float32, size*p.in), make([]int32, size)
		return func(yield func(Batch, error) bool) {
			var part []int
			give := func() bool {
				n := len(part)
				err := errors.Join(p.Read(0, part, x[:n*p.in]), p.Read(1, part, y[:n]))
				part = part[:0]
				return yield(Batch{{Shape: []int{n, p.in}, Data: x[:n*p.in]}, {Shape: []int{n}, Data: y[:n]}}, err)
			}
			for i, err := range ShuffleWindow(samples, 32, 7, epoch) {
				if err != nil {
					yield(nil, err)
					return
				}
				if part = append(part, i); len(part) == size && !give() {
					return
				}
			}
			if len(part) > 0 {
				give()
			}
		}
	}
}

// TestStream: a stream trains, to the same bits with and without prefetching and
// when it was stopped and resumed.
func TestStream(t *testing.T) {
	stream := batchesOf(trainPoints, 30)
	whole := newFake(6, 4)
	done, err := RunStream(context.Background(), whole, stream, testPoints, Options{Epochs: 4})
	if err != nil {
		t.Fatal(err)
	}
	if done.Steps != 4*7 || whole.trained != 4*200 || *done.TestAccuracy < 0.6 {
		t.Errorf("done %+v after %d samples, want 28 steps on 800", done, whole.trained)
	}
	for _, ahead := range []int{0, 1, 3} {
		o := Options{Epochs: 4, Prefetch: ahead, Dir: t.TempDir(), Steps: 10}
		if done, err := RunStream(context.Background(), newFake(6, 4), stream, nil, o); err != nil || done.Steps != 10 {
			t.Fatalf("stopped: %+v, %v", done, err)
		}
		o.Steps, o.Resume = 0, true
		second := newFake(6, 4)
		if _, err := RunStream(context.Background(), second, stream, nil, o); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(weights(second), weights(whole)) {
			t.Errorf("%d ahead, resumed: other bits than in one go", ahead)
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	good := mlrt.Tensor{Shape: []int{2, 6}, Data: make([]float32, 12)}
	labels := mlrt.Tensor{Shape: []int{2}, Data: []int32{0, 1}}
	broken := errors.New("the line is dead")
	for name, c := range map[string]struct {
		batch Batch
		err   error
		want  string
	}{
		"element type": {Batch{good, {Shape: []int{2}, Data: []int64{0, 1}}}, nil, `input "labels" is int64[2], want int32[batch]`},
		"size":         {Batch{{Shape: []int{2, 5}, Data: make([]float32, 10)}, labels}, nil, `input "x" is float32[2, 5], want float32[batch, 6]: axis 1 is 5, not 6`},
		"axes":         {Batch{{Shape: []int{12}, Data: make([]float32, 12)}, labels}, nil, `input "x" is float32[12], want float32[batch, 6]`},
		"batch":        {Batch{good, {Shape: []int{3}, Data: make([]int32, 3)}}, nil, `input "labels" is int32[3], want int32[batch]: axis 0 is 3, not 2`},
		"elements":     {Batch{{Shape: []int{2, 6}, Data: make([]float32, 11)}, labels}, nil, "11 elements"},
		"inputs":       {Batch{good}, nil, "1 inputs, want 2"},
		"no slice":     {Batch{good, {Shape: []int{2}, Data: "01"}}, nil, `string[2]`},
		"an error":     {nil, broken, "the line is dead"},
	} {
		for _, ahead := range []int{0, 2} {
			stream := func(int) iter.Seq2[Batch, error] {
				return func(yield func(Batch, error) bool) {
					if yield(Batch{good, labels}, nil) {
						yield(c.batch, c.err)
					}
				}
			}
			f := newFake(6, 4)
			_, err := RunStream(context.Background(), f, stream, nil, Options{Prefetch: ahead})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "batch 2") || c.err != nil && !errors.Is(err, broken) {
				t.Errorf("%s, %d ahead: %v", name, ahead, err)
			}
			if f.steps != 1 {
				t.Errorf("%s: %d steps before the bad batch, want 1", name, f.steps)
			}
		}
	}
}

// TestStreamMemory trains on 400 MB of batches that are made as they are asked
// for: what the loop itself takes does not grow with them.
func TestStreamMemory(t *testing.T) {
	const size, count, features = 64, 800, 2048
	x, y := make([]float32, size*features), make([]int32, size)
	stream := func(int) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			for range count {
				if !yield(Batch{{Shape: []int{size, features}, Data: x}, {Shape: []int{size}, Data: y}}, nil) {
					return
				}
			}
		}
	}
	for _, ahead := range []int{0, 3} {
		f := &idle{newFake(features, 4)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := RunStream(context.Background(), f, stream, nil, Options{Epochs: 1, Prefetch: ahead}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%d ahead: %d MB allocated for %d MB of batches", ahead, took>>20, size*features*4*count>>20)
		}
	}
}

// idle is a trainer that only counts.
type idle struct{ *fakeTrainer }

func (f *idle) Step(int, []mlrt.Tensor, bool) (float32, error) {
	f.steps++
	return 1, nil
}

// TestPrefetchEnds: the goroutine behind a prefetch ends when the range does.
func TestPrefetchEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		for range Prefetch(context.Background(), batchesOf(trainPoints, 8)(0), 2) {
			break
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range Prefetch(ctx, batchesOf(trainPoints, 8)(0), 2) {
		}
	}
	for range 6000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestRunPrefetches: loading ahead changes no bit, and a run of a data set with
// it resumes as one without.
func TestRunPrefetches(t *testing.T) {
	o := Options{Epochs: 3, Batch: 32, Seed: 4}
	plain := newFake(6, 4)
	if _, err := Run(context.Background(), plain, trainPoints, nil, o); err != nil {
		t.Fatal(err)
	}
	o.Prefetch, o.Steps, o.Dir = 3, 9, t.TempDir()
	if _, err := Run(context.Background(), newFake(6, 4), trainPoints, nil, o); err != nil {
		t.Fatal(err)
	}
	o.Steps, o.Resume = 0, true
	ahead := newFake(6, 4)
	if _, err := Run(context.Background(), ahead, trainPoints, nil, o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(weights(plain), weights(ahead)) {
		t.Error("other bits with prefetching")
	}
}

func TestShuffleWindow(t *testing.T) {
	numbers := func(yield func(int, error) bool) {
		for i := range 1000 {
			if !yield(i, nil) {
				return
			}
		}
	}
	order := func(window int, seed uint64, epoch int) (list []int) {
		for i, err := range ShuffleWindow(numbers, window, seed, epoch) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, i)
		}
		return list
	}
	a := order(50, 1, 0)
	if !slices.Equal(a, order(50, 1, 0)) || slices.Equal(a, order(50, 1, 1)) || slices.Equal(a, order(50, 2, 0)) {
		t.Error("the order is not a function of seed and epoch")
	}
	for k, i := range a {
		if i > k+50 {
			t.Errorf("item %d came out as number %d, ahead of its window", i, k)
		}
	}
	slices.Sort(a)
	for k, i := range a {
		if i != k {
			t.Fatalf("item %d is missing or twice", k)
		}
	}
	// A whole window mixes fully: the mean distance of two random places is a third.
	sum := 0
	for k, i := range order(1000, 3, 0) {
		sum += max(i-k, k-i)
	}
	if mean := float64(sum) / 1000; mean < 270 || mean > 400 {
		t.Errorf("items moved by %v places in the mean, want about 333", mean)
	}
}

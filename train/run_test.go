package train

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

var (
	trainPoints = points{n: 200, in: 6, classes: 4, names: [2]string{"image", "label"}}
	testPoints  = points{n: 90, in: 6, classes: 4, names: [2]string{"image", "label"}}
)

func TestRunLearns(t *testing.T) {
	f := newFake(6, 4)
	var events []Event
	done, err := Run(context.Background(), f, trainPoints, testPoints, Options{Epochs: 5, Batch: 64, Seed: 3, Observe: func(e Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	if f.trained != 5*200 || f.tried != 5*90 {
		t.Errorf("trained on %d samples and tried %d, want 1000 and 450: the last short batch belongs to the epoch", f.trained, f.tried)
	}
	if done.Epochs != 5 || done.Steps != 5*4 {
		t.Errorf("done after %d epochs and %d steps, want 5 and 20", done.Epochs, done.Steps)
	}
	// The classes are four corners 0.7 apart under noise of width 1: far above chance (25%), far below perfect at first.
	if done.TestAccuracy == nil || *done.TestAccuracy < 0.6 {
		t.Errorf("test accuracy %v", done.TestAccuracy)
	}
	var losses []float64
	for _, e := range events {
		if e, ok := e.(EpochDone); ok {
			losses = append(losses, float64(e.TrainLoss))
		}
	}
	if len(losses) != 5 || losses[4] >= losses[0] || float64(done.TrainLoss) != losses[4] {
		t.Errorf("train losses %v, done says %v", losses, done.TrainLoss)
	}
	if _, ok := events[0].(Started); !ok {
		t.Errorf("first event is %T", events[0])
	}
}

// weights returns the fake's stored tensors as bits.
func weights(f *fakeTrainer) (bits []uint32) {
	for _, v := range f.vars {
		for _, x := range v {
			bits = append(bits, math.Float32bits(x))
		}
	}
	return bits
}

// TestResumeIsBitwise interrupts a run at each of its steps and resumes it in a
// new trainer.
func TestResumeIsBitwise(t *testing.T) {
	o := Options{Epochs: 3, Batch: 64, Seed: 5}
	whole := newFake(6, 4)
	want, err := Run(context.Background(), whole, trainPoints, testPoints, o)
	if err != nil {
		t.Fatal(err)
	}
	for stop := range int64(12) {
		o.Dir, o.Resume = t.TempDir(), false
		ctx, cancel := context.WithCancel(context.Background())
		first := &stopper{fakeTrainer: newFake(6, 4), at: stop, cancel: cancel}
		if stop == 0 {
			cancel()
		}
		if _, err := Run(ctx, first, trainPoints, testPoints, o); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at step %d: %v", stop, err)
		}
		o.Resume = true
		second := newFake(6, 4)
		got, err := Run(context.Background(), second, trainPoints, testPoints, o)
		if err != nil {
			t.Fatalf("resumed at step %d: %v", stop, err)
		}
		if !slices.Equal(weights(second), weights(whole)) {
			t.Errorf("stopped at step %d: the resumed weights differ", stop)
		}
		if got.Steps != want.Steps || got.TrainLoss != want.TrainLoss || *got.TestLoss != *want.TestLoss {
			t.Errorf("stopped at step %d: resumed to %+v, want %+v", stop, got, want)
		}
	}
}

// stopper cancels the run after a number of steps.
type stopper struct {
	*fakeTrainer
	at     int64
	cancel func()
}

func (s *stopper) Step(i int, in []mlrt.Tensor, report bool) (float32, error) {
	loss, err := s.fakeTrainer.Step(i, in, report)
	if s.steps == s.at {
		s.cancel()
	}
	return loss, err
}

func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	o := Options{Epochs: 1, Batch: 64, Seed: 5, Dir: dir}
	if _, err := Run(context.Background(), newFake(6, 4), trainPoints, nil, o); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	for name, c := range map[string]struct {
		fake   *fakeTrainer
		data   Data
		change func(*Options)
		want   string
	}{
		"seed":    {newFake(6, 4), trainPoints, func(o *Options) { o.Seed = 6 }, "seed"},
		"batch":   {newFake(6, 4), trainPoints, func(o *Options) { o.Batch = 32 }, "batch size"},
		"samples": {newFake(6, 4), testPoints, func(o *Options) {}, "number of training samples"},
		"model":   {newFake(6, 5), trainPoints, func(o *Options) {}, `tensor "fc.weight"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			c.change(&o)
			_, err := Run(context.Background(), c.fake, c.data, nil, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not mention %q", err, c.want)
			}
			if slices.ContainsFunc(weights(c.fake), func(u uint32) bool { return u != 0 }) {
				t.Error("the refused checkpoint changed weights")
			}
		})
	}
	batch, seed, err := Resumable(dir)
	if batch != 64 || seed != 5 || err != nil {
		t.Errorf("Resumable: %d, %d, %v", batch, seed, err)
	}
}

func TestDamagedCheckpointFallsBack(t *testing.T) {
	dir := t.TempDir()
	f := newFake(6, 4)
	if _, err := Run(context.Background(), f, trainPoints, nil, Options{Epochs: 2, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, CheckpointFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.Fallback == nil || !strings.Contains(w.Fallback.Error(), "momentum") || !errors.Is(w.Fallback, mlrt.ErrWeights) {
		t.Errorf("fallback %v does not name the damaged tensor", w.Fallback)
	}
	if s, err := w.state(); err != nil || s.Epoch != 1 {
		t.Errorf("fell back to epoch %d, %v", s.Epoch, err)
	}
}

func TestNotFiniteStops(t *testing.T) {
	f := newFake(6, 4)
	f.failAt = 6
	_, err := Run(context.Background(), f, trainPoints, nil, Options{Epochs: 2, Batch: 64})
	if !errors.Is(err, mlrt.ErrNotFinite) || !strings.Contains(err.Error(), "net.ml:6") || !strings.Contains(err.Error(), "epoch 2, step 6") {
		t.Errorf("error %v", err)
	}
}

// blind is a trainer whose test losses are not finite.
type blind struct {
	*fakeTrainer
	loss float64
}

func (b blind) Evaluate(block int, inputs []mlrt.Tensor) (float32, error) {
	_, err := b.fakeTrainer.Evaluate(block, inputs)
	return float32(b.loss), err
}

// TestTestLossNotFinite keeps training and saving: such a loss is no best one.
func TestTestLossNotFinite(t *testing.T) {
	for _, loss := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		dir := t.TempDir()
		o := Options{Epochs: 3, Dir: dir, KeepBest: true, Patience: 1, Plateau: &Plateau{Factor: 0.5}}
		done, err := Run(context.Background(), blind{newFake(6, 4), loss}, trainPoints, testPoints, o)
		if err != nil || done.Epochs != 3 {
			t.Fatalf("loss %v: %+v, %v", loss, done, err)
		}
		if _, err := OpenWeights(filepath.Join(dir, CheckpointFile)); err != nil {
			t.Errorf("loss %v: %v", loss, err)
		}
		if _, err := os.Stat(filepath.Join(dir, bestFile)); err == nil {
			t.Errorf("loss %v counts as the best", loss)
		}
	}
}

func TestEarlyStopKeepsBest(t *testing.T) {
	dir := t.TempDir()
	f := newFake(6, 4)
	// Test samples with shifted labels get worse as training goes on.
	wrong := shifted{testPoints}
	done, err := Run(context.Background(), f, trainPoints, wrong, Options{Epochs: 50, Dir: dir, Patience: 2, KeepBest: true})
	if err != nil {
		t.Fatal(err)
	}
	if done.Stopped != "early" || done.Epochs != 3 {
		t.Errorf("stopped %q after %d epochs, want early after 3", done.Stopped, done.Epochs)
	}
	w, err := OpenWeights(filepath.Join(dir, bestFile))
	if err != nil {
		t.Fatal(err)
	}
	if w.File.Len() != 2 {
		t.Errorf("best holds %v, want the parameters alone", w.File.Names())
	}
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		t.Fatal(err)
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil || rec.BestEpoch != 1 || len(rec.History) != 3 {
		t.Errorf("run record %+v, %v", rec, err)
	}
}

type shifted struct{ points }

func (s shifted) Read(c int, samples []int, dst any) error {
	err := s.points.Read(c, samples, dst)
	if c == 1 {
		for i, v := range dst.([]int32) {
			dst.([]int32)[i] = (v + 1) % int32(s.classes)
		}
	}
	return err
}

func TestEventsRoundTrip(t *testing.T) {
	nan, half := Number(math.NaN()), Number(0.5)
	for _, e := range []Event{
		Started{Model: "M", Epochs: 3}, Progress{Epoch: 1, TrainLoss: 0.25}, EpochDone{Epoch: 1, TestLoss: &half},
		Saved{File: "a", Step: 3}, Done{Epochs: 1, TestAccuracy: &half}, Evaluated{Samples: 4, Loss: 1.5},
		Predicted{Sample: 1, Outputs: map[string][]Number{"y": {1, 2}}}, Warned{Message: "old"}, RateFound{Scale: 0.5, Points: []RatePoint{{1, 2}}}, Benched{Batch: 64, StepMedian: 0.5}, Failed{Message: "no"},
	} {
		line, err := EncodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEvent(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		again, _ := EncodeEvent(got)
		if string(again) != string(line) {
			t.Errorf("%s became %s", line, again)
		}
	}
	line, err := EncodeEvent(Progress{TrainLoss: nan})
	if err != nil || !strings.Contains(string(line), `"train_loss":null`) {
		t.Errorf("NaN became %s, %v", line, err)
	}
}

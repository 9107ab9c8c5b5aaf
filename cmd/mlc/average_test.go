package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mlc-go/mlc/train"
)

const averagedModel = `edition 1

model Averaged(hidden = 12) {
    input x float32[batch, 784]
    logits = x -> fc1: linear(hidden) -> bn: batch_norm -> relu -> fc2: linear(10)
    output logits
    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 0.02, ema = 0.9)
    }
}
`

// floatsIn reads a float32 tensor of a weights file.
func floatsIn(t *testing.T, file, name string) []float32 {
	t.Helper()
	w, err := train.OpenWeights(file)
	if err != nil {
		t.Fatal(err)
	}
	k := w.File.Find(name)
	if k < 0 {
		t.Fatalf("%s has no %s", file, name)
	}
	n := 1
	for _, d := range w.File.Tensor(k).Shape {
		n *= d
	}
	v := make([]float32, n)
	if err := w.File.Read(k, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// history reads the epochs of a run record, which must name the block with
// averages.
func history(t *testing.T, run string) []train.EpochDone {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(run, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		EMA     []string          `json:"ema"`
		History []train.EpochDone `json:"history"`
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(record.EMA, []string{"train"}) {
		t.Errorf("averages of %q, want those of train", record.EMA)
	}
	return record.History
}

// averagesOf trains n steps from the weights of the job, a checkpoint after each,
// and returns the moving average of a parameter as float64 arithmetic on the
// checkpoints has it.
func averagesOf(t *testing.T, program string, job train.Job, n int64, decay float64, name string) []float64 {
	t.Helper()
	var average []float64
	for _, v := range floatsIn(t, job.Weights, name) {
		average = append(average, float64(v))
	}
	for step := int64(1); step <= n; step++ {
		job.Steps, job.Resume = step, step > 1
		perform(t, program, job, 0)
		for i, v := range floatsIn(t, job.Dir, name) {
			average[i] = decay*average[i] + (1-decay)*float64(v)
		}
	}
	return average
}

// TestMovingAverages: with `ema` a run evaluates the averages and writes them as
// the model; the checkpoint has both, and what reads it takes the averages unless
// it is told not to.
func TestMovingAverages(t *testing.T) {
	dir := t.TempDir()
	program := programOf(t, resumable{name: "averaged", text: averagedModel})
	run := filepath.Join(dir, "run")
	spec := train.DataSpec{Path: someGlyphs(t)}
	job := train.Job{Do: "train", Epochs: 3, Batch: 16, Seed: 3, Data: spec, Dir: run, KeepBest: true}
	done := perform(t, program, job, 0).(train.Done)
	model := filepath.Join(run, "model.safetensors")
	for _, name := range []string{"fc1.weight", "fc2.bias", "bn.weight"} {
		live, average := floatsIn(t, run, name), floatsIn(t, run, "optimizer/train/"+name+"/ema")
		if !slices.Equal(floatsIn(t, model, name), average) || slices.Equal(live, average) {
			t.Errorf("%s of the model is not the average, or the average is the parameter", name)
		}
	}
	if !slices.Equal(floatsIn(t, model, "bn.running_mean"), floatsIn(t, run, "bn.running_mean")) {
		t.Error("the model has other buffers than the checkpoint")
	}
	eval := func(weights string, noEMA bool) train.Evaluated {
		return perform(t, program, train.Job{Do: "eval", Data: spec, Weights: weights, Batch: 24, NoEMA: noEMA}, 0).(train.Evaluated)
	}
	loss := func(e train.Evaluated) float64 { return float64(e.Loss) }
	same := func(what string, have, want float64) {
		if math.Abs(have-want) > 1e-6*want {
			t.Errorf("%s: loss %v, want %v", what, have, want)
		}
	}
	same("model", loss(eval(model, false)), float64(*done.TestLoss))
	same("checkpoint", loss(eval(run, false)), float64(*done.TestLoss))
	lowest := math.Inf(1)
	for _, e := range history(t, run) {
		lowest = min(lowest, float64(*e.TestLoss))
	}
	same("best model", loss(eval(filepath.Join(run, "best.safetensors"), false)), lowest)
	if live := loss(eval(run, true)); math.Abs(live-float64(*done.TestLoss)) < 1e-4 {
		t.Errorf("the parameters have the loss of their averages, %v", live)
	}
	// A fine-tuned model's averages start at its weights.
	tuned := job
	tuned.Dir, tuned.Weights, tuned.Seed = filepath.Join(dir, "tuned"), model, 9
	want := averagesOf(t, program, tuned, 7, 0.9, "fc1.weight")
	for i, v := range floatsIn(t, tuned.Dir, "optimizer/train/fc1.weight/ema") {
		if math.Abs(float64(v)-want[i]) > 1e-6 {
			t.Fatalf("element %d: average %v, want %v", i, v, want[i])
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mlc "github.com/mlc-go/mlc"
	"github.com/mlc-go/mlc/cmd/mlc/internal/runner"
	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// resumable is a model and the job that trains it for some epochs of few steps.
type resumable struct {
	name  string
	set   []string // hyper-parameters that make it small
	job   train.Job
	text  string // of the model; "" for that of specs
	steps int64  // of a whole run
}

// everything is a model with all that a run may have to take up again: random
// draws, statistics, averages, micro-batches and a schedule.
const everything = `edition 1

model Everything() {
    input x float32[batch, 784]
    logits = x -> fc1: linear(16) -> bn: batch_norm -> relu -> dropout(0.2) -> fc2: linear(10)
    output logits
    train {
        input labels         int32[batch]
        input class_weights  float32[10]
        input sample_weights float32[batch]
        loss mean(cross_entropy(logits, labels, weight = class_weights, reduction = "none") * sample_weights)
        metric f1(logits, labels)
        optimizer adamw(lr = cosine(1e-2, warmup = 3, steps = 20), clip_norm = 1, accumulate = 2, ema = 0.9) {
            group bias, norm { weight_decay = 0 }
        }
    }
}
`

// modelsToResume are models of one train block, with random draws in the step,
// with a target network, of two blocks over disjoint parameters, and of tied
// weights; the first has all that a run may have.
func modelsToResume(t *testing.T) []resumable {
	images := train.DataSpec{Path: someGlyphs(t)}
	job := train.Job{Do: "train", Epochs: 4, Batch: 16, Seed: 3, Data: images}
	gan, dqn := job, job
	gan.Block, gan.Then, gan.Draws = "disc_step", []string{"gen_step"}, []string{"z"}
	dqn.Data = train.DataSpec{Path: transitions(t), Options: data.Options{Target: "action", Inputs: []data.Group{
		{Name: "state", Fields: []string{"s1", "s2", "s3", "s4"}}, {Name: "next_state", Fields: []string{"n1", "n2", "n3", "n4"}},
		{Name: "reward", Fields: []string{"reward"}}, {Name: "done", Fields: []string{"done"}},
	}}}
	all, gpt := job, job
	all.Plateau, all.KeepBest, all.ClassWeights, all.Prefetch = train.NewPlateau(), true, true, 2
	all.Plateau.Factor, all.Plateau.Patience, all.Plateau.Threshold = 0.5, 0, 0.5 // lowers the rate soon
	gpt.Data = train.DataSpec{Path: phrases(t), Options: data.Options{TestShare: 0.2}}
	return []resumable{
		{name: "everything", job: all, text: everything, steps: 24},
		{name: "gan", set: []string{"width=4", "latent=8"}, job: gan, steps: 24},
		{name: "mlp", set: []string{"hidden=16"}, job: job, steps: 24},
		{name: "vae", set: []string{"hidden=16", "latent=4"}, job: job, steps: 24},
		{name: "dqn", job: dqn, steps: 24},
		{name: "gpt", set: []string{"vocab=32", "context=16", "layers=2", "heads=2", "dim=16", "drop=0.1"}, job: gpt, steps: 24},
	}
}

// phrases is a file of windows into a made-up text, each token the target of the
// one before.
func phrases(t *testing.T) string {
	t.Helper()
	const n, time, vocab = 118, 16, 32
	rng := rand.New(rand.NewPCG(5, 6))
	var tokens, targets []int32
	for range n {
		next := int32(rng.IntN(vocab))
		for range time {
			tokens = append(tokens, next)
			next = (next*5 + int32(rng.IntN(3))) % vocab
			targets = append(targets, next)
		}
	}
	var b bytes.Buffer
	err := mlrt.WriteFile(&b, nil, []mlrt.Stored{
		{Name: "tokens", DType: mlrt.Int32, Shape: []int{n, time}, Data: tokens}, {Name: "targets", DType: mlrt.Int32, Shape: []int{n, time}, Data: targets},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "phrases.safetensors")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// someGlyphs is a folder with images of the built-in set, 96 to train on and 48
// to test with.
func someGlyphs(t *testing.T) string {
	t.Helper()
	dir, err := glyphFolder()
	if err != nil {
		t.Fatal(err)
	}
	src, err := data.Open(dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	write := func(name, column string, from int, dims ...int) {
		size := 1
		for _, d := range dims {
			size *= d
		}
		samples, values := make([]int, dims[0]), make([]uint8, size)
		for i := range samples {
			samples[i] = from + i
		}
		if err := src.Tests.Read(src.Tests.Find(column), samples, values); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := data.WriteIDX(&b, dims, values); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(small, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("train-images-idx3-ubyte", data.ImageColumn, 0, 96, 28, 28)
	write("train-labels-idx1-ubyte", data.LabelColumn, 0, 96)
	write("t10k-images-idx3-ubyte", data.ImageColumn, 96, 48, 28, 28)
	write("t10k-labels-idx1-ubyte", data.LabelColumn, 96, 48)
	return small
}

// transitions is a table of steps in a made-up world.
func transitions(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	text := "s1,s2,s3,s4,reward,n1,n2,n3,n4,done,action\n"
	for range 96 {
		for range 9 {
			text += fmt.Sprintf("%.3f,", rng.NormFloat64())
		}
		text += fmt.Sprintf("%d,%d\n", rng.IntN(2), rng.IntN(2))
	}
	file := filepath.Join(t.TempDir(), "transitions.csv")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// programOf builds the program of an example model.
func programOf(t *testing.T, r resumable) string {
	t.Helper()
	var stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stderr, stderr: &stderr, color: "never"}
	net := spec(r.name)
	if r.text != "" {
		net = filepath.Join(t.TempDir(), "net.ml")
		if err := os.WriteFile(net, []byte(r.text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	m, err := a.model([]string{net}, modelFlags{spec: specFlags{set: r.set}, format: "json"})
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	program, err := runner.Build(context.Background(), mlc.Sources, m.files, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// perform has the program do the job, to its end or until it has printed lines
// lines, when it is killed. It returns the last event.
func perform(t *testing.T, program string, job train.Job, lines int) train.Event {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // the code of a killed program says nothing
	defer stdin.Close()
	if _, err := stdin.Write(append(text, '\n')); err != nil {
		t.Fatal(err)
	}
	var last train.Event
	for in := bufio.NewScanner(stdout); in.Scan(); lines-- {
		if last, err = train.DecodeEvent(in.Bytes()); err != nil {
			t.Fatal(err)
		}
		if f, ok := last.(train.Failed); ok {
			t.Fatalf("%+v: %s", job, f.Message)
		}
		if lines == 1 {
			time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond) // somewhere in the next steps and saves
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	return last
}

// trainedBits are the bytes of the files that a run leaves.
func trainedBits(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := train.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.File.Len() {
		s := w.File.Tensor(i)
		n := 1
		for _, d := range s.Shape {
			n *= d
		}
		values := s.DType.Make(n)
		if err := w.File.Read(i, values); err != nil {
			t.Fatal(err)
		}
		text = fmt.Appendf(text, "%s %x", s.Name, values)
	}
	return text
}

// TestResumeSpecs stops runs of the example models after random numbers of steps
// and kills them at random moments; what they leave when they have been resumed
// to the end are the bits of a run in one go, optimizer state included.
func TestResumeSpecs(t *testing.T) {
	resumeModels(t, modelsToResume(t)[:2], 4)
}

// TestLongResume is TestResumeSpecs for all models at twenty points.
func TestLongResume(t *testing.T) {
	refdata.Long(t)
	resumeModels(t, modelsToResume(t), 20)
}

func resumeModels(t *testing.T, models []resumable, points int) {
	for _, r := range models {
		t.Run(r.name, func(t *testing.T) {
			program := programOf(t, r)
			whole := r.job
			whole.Dir = t.TempDir()
			done, ok := perform(t, program, whole, 0).(train.Done)
			if !ok || done.Steps != r.steps {
				t.Fatalf("%+v, want %d steps", done, r.steps)
			}
			want := trainedBits(t, whole.Dir)
			rng := rand.New(rand.NewPCG(11, 13))
			stops := rng.Perm(22)[:points]
			slices.Sort(stops)
			part := r.job
			part.Dir = t.TempDir()
			for _, n := range stops {
				part.Steps = int64(n + 1)
				if d, ok := perform(t, program, part, 0).(train.Done); !ok || d.Steps != part.Steps {
					t.Fatalf("stopped after %+v, want %d steps", d, part.Steps)
				}
				part.Resume = true
			}
			part.Steps = 0
			perform(t, program, part, 0)
			if !bytes.Equal(want, trainedBits(t, part.Dir)) {
				t.Errorf("stopped after %v steps: other bits than in one go", stops)
			}
			killed := r.job
			killed.Dir = t.TempDir()
			for range points {
				perform(t, program, killed, 1+rng.IntN(6))
				_, err := os.Stat(filepath.Join(killed.Dir, train.CheckpointFile))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
				killed.Resume = err == nil
			}
			perform(t, program, killed, 0)
			if !bytes.Equal(want, trainedBits(t, killed.Dir)) {
				t.Error("killed and resumed: other bits than in one go")
			}
		})
	}
}

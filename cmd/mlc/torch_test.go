package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/internal/refdata"
	"github.com/mlc-go/mlc/train"
)

// TestLongPyTorchWeights evaluates models that PyTorch made under the names of
// torchvision and Hugging Face, through the maps beside the specs: the losses are
// PyTorch's in float64.
func TestLongPyTorchWeights(t *testing.T) {
	python := refdata.PyTorch(t)
	for _, c := range []struct {
		name, model, rules string
		set                []string
	}{
		{"resnet18", "resnet18", "torchvision.map", nil},
		{"gpt", "gpt2", "huggingface.map", []string{"vocab=96", "context=32", "dim=48", "heads=4", "layers=3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			weights, batch := filepath.Join(dir, "weights.safetensors"), filepath.Join(dir, "batch.safetensors")
			out, err := exec.Command(python, filepath.Join("testdata", "theirs.py"), c.model, weights, batch).Output()
			if err != nil {
				t.Fatal(err)
			}
			want, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"eval", spec(c.name), "--weights", weights, "--map", filepath.Join("..", "..", "specs", c.name, c.rules), "--data", batch, "--format", "json"}
			for _, s := range c.set {
				args = append(args, "--set", s)
			}
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
				t.Fatalf("exit code %d\n%s", code, stderr.String())
			}
			e, err := train.DecodeEvent(bytes.TrimSpace(stdout.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := e.(train.Evaluated); !ok || !(math.Abs(float64(r.Loss)-want) <= 1e-6*want) {
				t.Errorf("%+v, PyTorch's loss is %v", e, want)
			}
		})
	}
}

// TestLongPyTorchOpensFiles trains two models for an epoch, loads the saved file
// into PyTorch under the same names, strictly, and compares the outputs, which
// PyTorch computes in float64.
func TestLongPyTorchOpensFiles(t *testing.T) {
	python := refdata.PyTorch(t)
	folder := someGlyphs(t)
	src, err := data.Open(folder, data.Options{Scale: "none"})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5
	pixels := make([]uint8, n*784)
	if err := src.Train.Read(src.Train.Find(data.ImageColumn), []int{0, 1, 2, 3, 4}, pixels); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pixels")
	if err := os.WriteFile(file, pixels, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range []resumable{{name: "mlp", set: []string{"hidden=16"}}, {name: "lenet"}} {
		t.Run(r.name, func(t *testing.T) {
			program, dir := programOf(t, r), t.TempDir()
			perform(t, program, train.Job{Do: "train", Epochs: 1, Batch: 16, Seed: 3, Dir: dir, Data: train.DataSpec{Path: folder}}, 0)
			weights := filepath.Join(dir, "model.safetensors")
			out, err := exec.Command(python, filepath.Join("testdata", "forward.py"), r.name, weights, file).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if len(lines) != n {
				t.Fatalf("PyTorch printed %q", out)
			}
			for i, line := range lines {
				ask := train.Job{Do: "predict", Weights: weights, Images: []train.Image{{Name: "glyph", Shape: []int{1, 28, 28}, Pixels: pixels[i*784 : (i+1)*784]}}}
				p, ok := perform(t, program, ask, 0).(train.Predicted)
				have, want := p.Outputs["logits"], strings.Fields(line)
				if !ok || len(have) != len(want) {
					t.Fatalf("image %d: %+v, PyTorch %q", i, p, line)
				}
				for k, text := range want {
					w, err := strconv.ParseFloat(text, 64)
					if err != nil || math.Abs(float64(have[k])-w) > 1e-5*(1+math.Abs(w)) {
						t.Errorf("image %d, logit %d: %v, PyTorch %v (%v)", i, k, have[k], w, err)
					}
				}
			}
		})
	}
}

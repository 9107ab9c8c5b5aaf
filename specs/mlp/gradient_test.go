package mlp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/pass"
	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/specs/mlp"
)

// tensors are the learnable tensors in the model's order; the optimizer's
// momentum buffers follow in the same order. A buffer after the first step is the
// gradient.
var tensors = []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}

// step is what one step gave or should have given.
type step struct {
	loss      float64
	gradients [][]float64 // by number in tensors
}

// TestGradients compares loss and gradients of a batch of MNIST with the float64
// evaluator and, where it is installed, with PyTorch.
func TestGradients(t *testing.T) {
	images, labels := batch(t, 64)
	model := mlp.Generated().New(1)
	trainer := model.OpenTrainer(mlrt.Options{Seed: 1})
	defer trainer.Close()
	loss, err := trainer.Step(0, []mlrt.Tensor{{Shape: []int{64, 784}, Data: images}, {Shape: []int{64}, Data: labels}}, false)
	if err != nil {
		t.Fatal(err)
	}
	have := step{loss: float64(loss)}
	var weights [][]float32
	for i := range tensors {
		weights = append(weights, read(t, model, i))
		have.gradients = append(have.gradients, widen(read(t, trainer, len(tensors)+i)))
	}
	t.Run("evaluator", func(t *testing.T) { compare(t, have, evaluate(t, weights, images, labels)) })
	t.Run("PyTorch", func(t *testing.T) { compare(t, have, torch(t, weights, images, labels)) })
}

// batch reads the first images of MNIST, scaled to 0 to 1.
func batch(t *testing.T, n int) ([]float32, []int32) {
	t.Helper()
	dir := refdata.Path(t, "mnist")
	readIDX := func(name string) []uint8 {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		_, values, err := data.ReadIDX(z, name)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	pixels, classes := readIDX("train-images-idx3-ubyte.gz"), readIDX("train-labels-idx1-ubyte.gz")
	images, labels := make([]float32, n*784), make([]int32, n)
	for i := range images {
		images[i] = float32(pixels[i]) / 255
	}
	for i := range labels {
		labels[i] = int32(classes[i])
	}
	return images, labels
}

// read returns stored tensor i.
func read(t *testing.T, m mlrt.Model, i int) []float32 {
	t.Helper()
	v := m.Info().Vars[i]
	if !strings.Contains(v.Name, tensors[i%len(tensors)]) {
		t.Fatalf("tensor %d is %s", i, v.Name)
	}
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	dst := make([]float32, n)
	if err := m.ReadVar(i, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

func widen[T float32 | int32](s []T) []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v)
	}
	return out
}

// evaluate makes the step with each operation's own definition in float64.
func evaluate(t *testing.T, weights [][]float32, images []float32, labels []int32) step {
	t.Helper()
	r, diags, err := compiler.Build(compiler.Options{File: "net.ml"})
	if err != nil || diags.HasErrors() {
		t.Fatal(diags, err)
	}
	var optional []string // so that only the gradient is made
	for _, p := range pass.List() {
		if !p.Required {
			optional = append(optional, p.Name)
		}
	}
	if err := pass.RunTensor(r.IR, pass.Options{Disable: optional}); err != nil {
		t.Fatal(err)
	}
	m := eval.NewReference(r.IR)
	m.Inputs = map[string]float64{"lr_scale": 1}
	vars := map[string]*ir.Var{}
	for _, v := range r.IR.Vars {
		vars[v.Name] = v
	}
	for i, name := range tensors {
		copy(m.Vars[vars[name]].Data, widen(weights[i]))
	}
	e := m.Entry(ir.Train, "train")
	out, err := m.Run(e,
		ir.Dense{DType: e.Inputs[0].Value.Type.DType, Shape: []int{len(labels), 784}, Data: widen(images)},
		ir.Dense{DType: e.Inputs[1].Value.Type.DType, Shape: []int{len(labels)}, Data: widen(labels)})
	if err != nil {
		t.Fatal(err)
	}
	s := step{loss: out[0].Data[0]}
	for _, name := range tensors {
		s.gradients = append(s.gradients, m.Vars[vars["optimizer/train/"+name+"/momentum_buffer"]].Data)
	}
	return s
}

// torch makes the step with PyTorch.
func torch(t *testing.T, weights [][]float32, images []float32, labels []int32) step {
	t.Helper()
	python := refdata.PyTorch(t)
	var b bytes.Buffer
	for _, part := range append(append([][]float32{}, weights...), images) {
		b.Write(encode(part))
	}
	for _, v := range labels {
		b.Write(encode([]float32{float32(v)}))
	}
	file := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/gradients.py", file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var s step
	if s.loss, err = strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range weights {
		g := make([]float32, len(w))
		if n, err := binary.Decode(text, binary.LittleEndian, g); err != nil {
			t.Fatal(err)
		} else {
			text = text[n:]
		}
		s.gradients = append(s.gradients, widen(g))
	}
	return s
}

func encode(s []float32) []byte {
	b := make([]byte, 0, 4*len(s))
	for _, v := range s {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// compare requires the accuracy that docs/numerics.md promises:
// the loss within 1e-6, each gradient within 1e-6 in relative 2-norm and each of
// its elements within 1e-7 + 1e-4 of the reference's size.
func compare(t *testing.T, have, want step) {
	t.Helper()
	if d := math.Abs(have.loss - want.loss); !(d <= 1e-6) {
		t.Errorf("loss %.9g, want %.9g", have.loss, want.loss)
	}
	for i, name := range tensors {
		h, w := have.gradients[i], want.gradients[i]
		if len(h) != len(w) {
			t.Fatalf("%s: %d elements, want %d", name, len(h), len(w))
		}
		diff, norm, wrong := 0.0, 0.0, 0
		for k := range h {
			d := math.Abs(h[k] - w[k])
			diff, norm = diff+d*d, norm+w[k]*w[k]
			if !(d <= 1e-7+1e-4*math.Abs(w[k])) {
				wrong++
			}
		}
		if rel := math.Sqrt(diff / norm); !(rel <= 1e-6) || wrong > 0 {
			t.Errorf("gradient of %s: relative 2-norm %.2g, want at most 1e-6; %d elements are off", name, rel, wrong)
		}
	}
}

package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// fakeTrainer is softmax regression with momentum, written out by hand in
// float32: what a generated trainer does, small enough to read.
type fakeTrainer struct {
	info           *mlrt.Info
	in, classes    int
	vars           [4][]float32 // weight, bias, and their momenta
	steps          int64
	hits, counted  float64
	failAt         int64 // step whose loss is not finite; 0: none
	trained, tried int
	scale          float64 // of the learning rate
}

func newFake(in, classes int) *fakeTrainer {
	f := &fakeTrainer{in: in, classes: classes, scale: 1}
	batch := mlrt.Dim{Name: "batch"}
	f.info = &mlrt.Info{
		Name: "Fake", File: "net.ml", Hash: fmt.Sprint("fake", in, classes),
		Vars: []mlrt.VarInfo{
			{Name: "fc.weight", DType: mlrt.Float32, Shape: []int{classes, in}},
			{Name: "fc.bias", DType: mlrt.Float32, Shape: []int{classes}},
			{Name: "optimizer/train/fc.weight/momentum", DType: mlrt.Float32, Shape: []int{classes, in}, Kind: mlrt.Optimizer},
			{Name: "optimizer/train/fc.bias/momentum", DType: mlrt.Float32, Shape: []int{classes}, Kind: mlrt.Optimizer},
		},
		Entries: []mlrt.FuncInfo{{
			Name:    "forward",
			Inputs:  []mlrt.Field{{Name: "x", DType: mlrt.Float32, Shape: []mlrt.Dim{batch, {Size: in}}}},
			Outputs: []mlrt.Field{{Name: "scores", DType: mlrt.Float32, Shape: []mlrt.Dim{batch, {Size: classes}}}},
		}},
		Trains: []mlrt.FuncInfo{{
			Name: "train", Metrics: []string{"accuracy"},
			Inputs: []mlrt.Field{
				{Name: "x", DType: mlrt.Float32, Shape: []mlrt.Dim{batch, {Size: in}}},
				{Name: "labels", DType: mlrt.Int32, Shape: []mlrt.Dim{batch}},
			},
		}},
	}
	for i, v := range f.info.Vars {
		f.vars[i] = make([]float32, elements(v.Shape))
	}
	return f
}

func (f *fakeTrainer) Info() *mlrt.Info { return f.info }

func (f *fakeTrainer) ReadVar(i int, dst any) error {
	copy(dst.([]float32), f.vars[i])
	return nil
}

func (f *fakeTrainer) WriteVar(i int, src any) error {
	copy(f.vars[i], src.([]float32))
	return nil
}

// OpenSession returns the trainer itself: it has no scratch memory.
func (f *fakeTrainer) OpenSession(mlrt.Options) mlrt.Session { return f }

func (f *fakeTrainer) Run(_ int, inputs []mlrt.Tensor) ([]mlrt.Tensor, error) {
	x := inputs[0].Data.([]float32)
	var scores []float32
	for ; len(x) > 0; x = x[f.in:] {
		for c := range f.classes {
			z := f.vars[1][c]
			for j := range f.in {
				z += f.vars[0][c*f.in+j] * x[j]
			}
			scores = append(scores, z)
		}
	}
	return []mlrt.Tensor{{Shape: []int{len(scores) / f.classes, f.classes}, Data: scores}}, nil
}

func (f *fakeTrainer) OpenTrainer(mlrt.Options) mlrt.Trainer { return f }

// batch returns the mean loss, counts hits, and calls visit with each sample's
// gradient of the logits.
func (f *fakeTrainer) batch(inputs []mlrt.Tensor, count bool, visit func(x []float32, g []float64)) (float32, error) {
	x, y := inputs[0].Data.([]float32), inputs[1].Data.([]int32)
	if len(x) != len(y)*f.in || !slices.Equal(inputs[0].Shape, []int{len(y), f.in}) {
		return 0, errors.New("fake: wrong shape")
	}
	loss := 0.0
	for s, label := range y {
		row := x[s*f.in : (s+1)*f.in]
		p, sum, best := make([]float64, f.classes), 0.0, 0
		for c := range p {
			z := float64(f.vars[1][c])
			for j, v := range row {
				z += float64(f.vars[0][c*f.in+j]) * float64(v)
			}
			p[c] = math.Exp(z)
			sum += p[c]
			if p[c] > p[best] {
				best = c
			}
		}
		loss -= math.Log(p[label] / sum)
		if count {
			f.counted++
			if best == int(label) {
				f.hits++
			}
		}
		for c := range p {
			p[c] /= sum * float64(len(y))
		}
		p[label] -= 1 / float64(len(y))
		if visit != nil {
			visit(row, p)
		}
	}
	return float32(loss / float64(len(y))), nil
}

func (f *fakeTrainer) Step(_ int, inputs []mlrt.Tensor, report bool) (float32, error) {
	if f.failAt > 0 && f.steps+1 == f.failAt {
		return 0, fmt.Errorf("tensor logits (net.ml:6): %w", mlrt.ErrNotFinite)
	}
	gw, gb := make([]float64, len(f.vars[0])), make([]float64, f.classes)
	loss, err := f.batch(inputs, report, func(x []float32, g []float64) {
		for c, d := range g {
			gb[c] += d
			for j, v := range x {
				gw[c*f.in+j] += d * float64(v)
			}
		}
	})
	if err != nil {
		return 0, err
	}
	for k, g := range [][]float64{gw, gb} {
		for j, d := range g {
			f.vars[k+2][j] = 0.9*f.vars[k+2][j] + float32(d)
			f.vars[k][j] -= float32(0.1*f.scale) * f.vars[k+2][j]
		}
	}
	f.steps++
	f.trained += len(inputs[1].Data.([]int32))
	return loss, nil
}

func (f *fakeTrainer) Evaluate(_ int, inputs []mlrt.Tensor) (float32, error) {
	f.tried += len(inputs[1].Data.([]int32))
	return f.batch(inputs, true, nil)
}

func (f *fakeTrainer) Metrics(_ int, dst []float64) []float64 {
	return append(dst, f.hits/max(f.counted, 1))
}
func (f *fakeTrainer) ResetMetrics(int)        { f.hits, f.counted = 0, 0 }
func (f *fakeTrainer) Steps(int) int64         { return f.steps }
func (f *fakeTrainer) SetSteps(_ int, n int64) { f.steps = n }
func (f *fakeTrainer) SetInput(name string, v float64) {
	if name == scaleInput {
		f.scale = v
	}
}
func (f *fakeTrainer) Snapshot() mlrt.Model { return f }
func (f *fakeTrainer) Close() error         { return nil }

// points are samples around one corner a class, drawn from the runtime's
// generator.
type points struct {
	n, in, classes int
	names          [2]string
}

func (p points) Len() int { return p.n }

func (p points) Columns() []Column {
	return []Column{
		{Name: p.names[0], DType: mlrt.Float32, Shape: []int{p.in}},
		{Name: p.names[1], DType: mlrt.Int32, Classes: p.classes},
	}
}

func (p points) Read(c int, samples []int, dst any) error {
	for i, s := range samples {
		label := s % p.classes
		if c == 1 {
			dst.([]int32)[i] = int32(label)
			continue
		}
		row := dst.([]float32)[i*p.in : (i+1)*p.in]
		for j := range row {
			w := mlrt.Philox([2]uint32{7, 9}, [4]uint32{uint32(s), uint32(j)})
			row[j] = mlrt.Uniform(w[0])
			if j == label {
				row[j] += 0.7
			}
		}
	}
	return nil
}

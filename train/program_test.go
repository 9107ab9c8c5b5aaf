package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// ask runs Main with a job and returns its events and exit code. The input
// stays open, as a parent keeps it.
func ask(t *testing.T, f *fakeTrainer, job Job) ([]Event, int) {
	t.Helper()
	line, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	stdin, feed := io.Pipe()
	defer feed.Close()
	go feed.Write(append(line, '\n'))
	var out bytes.Buffer
	g := &mlrt.Generated{Info: f.info, New: func(uint64) mlrt.Model { return f }}
	code := Main(g, stdin, &out)
	var events []Event
	for line := range bytes.Lines(out.Bytes()) {
		e, err := DecodeEvent(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events = append(events, e)
	}
	return events, code
}

// table writes the points as a CSV file with named classes.
func table(t *testing.T, p points) string {
	t.Helper()
	var b strings.Builder
	row := make([]float32, p.in)
	for i := range p.n {
		if err := p.Read(0, []int{i}, row); err != nil {
			t.Fatal(err)
		}
		for _, v := range row {
			fmt.Fprintf(&b, "%v,", v)
		}
		fmt.Fprintf(&b, "class%d\n", i%p.classes)
	}
	file := filepath.Join(t.TempDir(), "points.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func last[E Event](t *testing.T, events []Event) E {
	t.Helper()
	if len(events) > 0 {
		if e, ok := events[len(events)-1].(E); ok {
			return e
		}
	}
	t.Fatalf("events %+v", events)
	panic("unreachable")
}

func TestMainTrainEvalPredict(t *testing.T) {
	file, dir := table(t, trainPoints), t.TempDir()
	spec := DataSpec{Path: file, Options: data.Options{TestShare: 0.25}}
	job := Job{Do: "train", Data: spec, Epochs: 4, Batch: 16, Seed: 2, Dir: dir}
	events, code := ask(t, newFake(6, 4), job)
	done := last[Done](t, events)
	if code != 0 || done.Epochs != 4 || done.TestAccuracy == nil {
		t.Fatalf("code %d, done %+v", code, done)
	}

	events, code = ask(t, newFake(6, 4), Job{Do: "eval", Data: spec, Weights: dir, Batch: 7})
	result := last[Evaluated](t, events)
	// The same samples, preprocessed as the checkpoint says: the loss differs by rounding alone.
	if diff := float64(result.Loss - *done.TestLoss); code != 0 || *result.Accuracy != *done.TestAccuracy || diff > 1e-6 || diff < -1e-6 {
		t.Errorf("code %d, evaluated to %+v, trained to %+v", code, result, done)
	}
	hits, all := 0, 0
	for i, row := range result.Confusion {
		for j, n := range row {
			all += n
			if i == j {
				hits += n
			}
		}
	}
	if all != result.Samples || float64(hits)/float64(all) != float64(*result.Accuracy) {
		t.Errorf("confusion %v has %d of %d on its diagonal, accuracy %v", result.Confusion, hits, all, *result.Accuracy)
	}
	if fmt.Sprint(result.Classes) != "[class0 class1 class2 class3]" {
		t.Errorf("classes %q", result.Classes)
	}

	rows := "0.5,0.5,1.7,0.5,0.5,0.5\n0.5,0.5,0.5,1.7,0.5,0.5\n"
	events, code = ask(t, newFake(6, 4), Job{Do: "predict", Weights: dir, Rows: []byte(rows)})
	if code != 0 || len(events) != 2 {
		t.Fatalf("code %d, events %+v", code, events)
	}
	for i, want := range []string{"class2", "class3"} {
		p := events[i].(Predicted)
		if p.Label != want || len(p.Outputs["scores"]) != 4 || *p.Probability < 0.25 || *p.Probability > 1 {
			t.Errorf("row %d: %+v", i, p)
		}
	}
}

func TestMainInterrupt(t *testing.T) {
	dir := t.TempDir()
	job := Job{Do: "train", Data: DataSpec{Path: table(t, trainPoints)}, Epochs: 1 << 20, Batch: 16, Dir: dir}
	line, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(6, 4)
	var out bytes.Buffer
	// The input ends right behind the job.
	code := Main(&mlrt.Generated{Info: f.info, New: func(uint64) mlrt.Model { return f }}, bytes.NewReader(append(line, '\n')), &out)
	if code != exitInterrupt || !strings.Contains(out.String(), `"interrupted":true`) {
		t.Errorf("code %d, output %s", code, out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Error(err)
	}
}

func TestMainErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := table(t, trainPoints)
	blocked := write("file", "")
	for name, c := range map[string]struct {
		job  Job
		fake *fakeTrainer
		code string
		exit int
		text string
	}{
		"no such data":     {Job{Do: "train", Data: DataSpec{Path: filepath.Join(dir, "none")}}, nil, "ML0609", 1, "none"},
		"NaN in the data":  {Job{Do: "train", Data: DataSpec{Path: write("nan.csv", "1,2,3,4,5,NaN,a\n1,2,3,4,5,6,b\n")}}, nil, "ML0603", 1, "nan.csv: line 1"},
		"too many classes": {Job{Do: "train", Data: DataSpec{Path: good}}, newFake(6, 3), "ML0604", 1, "labels up to 3"},
		"wrong features":   {Job{Do: "train", Data: DataSpec{Path: good}}, newFake(7, 4), "ML0602", 1, "float32[batch, 7]"},
		"unknown block":    {Job{Do: "train", Data: DataSpec{Path: good}, Block: "other"}, nil, "ML0602", 1, `"other"`},
		"damaged weights":  {Job{Do: "predict", Weights: write("w.safetensors", "nonsense"), Rows: []byte("1\n")}, nil, "ML0606", 1, "w.safetensors"},
		"nothing to go on": {Job{Do: "train", Data: DataSpec{Path: good}, Resume: true, Dir: filepath.Join(dir, "new")}, nil, "ML0609", 1, "new"},
		"cannot save":      {Job{Do: "train", Data: DataSpec{Path: good}, Epochs: 1, Dir: filepath.Join(blocked, "run")}, nil, "", 3, "cannot save"},
		"not finite":       {Job{Do: "train", Data: DataSpec{Path: good}}, &fakeTrainer{failAt: 3}, "ML0404", 1, "net.ml:6"},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.fake
			if f == nil {
				f = newFake(6, 4)
			} else if f.info == nil {
				at := f.failAt
				f = newFake(6, 4)
				f.failAt = at
			}
			events, exit := ask(t, f, c.job)
			failed := last[Failed](t, events)
			if failed.Code != c.code || exit != c.exit || !strings.Contains(failed.Message, c.text) {
				t.Errorf("exit %d, %+v; want exit %d, code %q, text %q", exit, failed, c.exit, c.code, c.text)
			}
		})
	}
}

// TestImagesAndPixelRows: a picture and the same pixels as a row are one sample.
func TestImagesAndPixelRows(t *testing.T) {
	dir := t.TempDir()
	f := newFake(4, 2)
	transform, err := json.Marshal(data.Transform{Shape: []int{2, 2}, Classes: []string{"no", "yes"}, Scalings: []data.Scaling{{Column: data.ImageColumn, Divide: 255}}})
	if err != nil {
		t.Fatal(err)
	}
	copy(f.vars[0][4:], []float32{1, 0, 0, 1})
	s := newSaver(f, Options{Dir: dir, Metadata: map[string]string{keyData: string(transform)}}, newAverages(f, nil))
	if err := s.model(modelFile); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, modelFile)
	a, _ := ask(t, newFake(4, 2), Job{Do: "predict", Weights: weights, Images: []Image{{Name: "a.png", Shape: []int{1, 2, 2}, Pixels: []byte{255, 0, 0, 51}}}})
	b, _ := ask(t, newFake(4, 2), Job{Do: "predict", Weights: weights, Rows: []byte("255, 0, 0, 51\n")})
	if p := last[Predicted](t, a); p.Label != "yes" || p.Outputs["scores"][1] < 1.1999 || p.Outputs["scores"][1] > 1.2001 {
		t.Errorf("image: %+v", p)
	}
	if fmt.Sprint(last[Predicted](t, a).Outputs) != fmt.Sprint(last[Predicted](t, b).Outputs) {
		t.Errorf("image %+v, row %+v", a, b)
	}
}

func TestMainBench(t *testing.T) {
	events, code := ask(t, newFake(6, 4), Job{Do: "bench", Batch: 8, Seconds: 0.01, Mode: "train", Work: []Work{{Flops: 1e3}}})
	b := last[Benched](t, events)
	if code != 0 || b.Steps < 1 || b.StepMedian <= 0 || b.StepMin > b.StepMedian || b.Allocations < 1 || b.PeakGflops <= 0 || b.Bound <= 0 {
		t.Errorf("code %d, %+v: the fake trainer allocates in each step and takes time", code, b)
	}
	if _, err := madeUp([]mlrt.Field{field("tokens", mlrt.Int32, "batch", "time")}, Job{Batch: 2}); err == nil || !strings.Contains(err.Error(), "time") {
		t.Errorf("a symbolic size that nobody gave: %v", err)
	}
	in, err := madeUp([]mlrt.Field{field("tokens", mlrt.Int32, "batch", "time")}, Job{Batch: 2, Sizes: map[string]int{"time": 3}})
	if err != nil || len(in[0].Data.([]int32)) != 6 {
		t.Errorf("%v, %v", in, err)
	}
}

// TestPanicIsReported turns a bug into one line with its place.
func TestPanicIsReported(t *testing.T) {
	var out bytes.Buffer
	g := &mlrt.Generated{Info: newFake(2, 2).info, New: func(uint64) mlrt.Model { panic("wheels came off") }}
	code := Main(g, strings.NewReader(`{"do":"eval"}`+"\n"), &out)
	text := out.String()
	if code != exitFailure || strings.Count(text, "\n") != 1 || !strings.Contains(text, "wheels came off at github.com/mlc-go/mlc/train.TestPanicIsReported") {
		t.Errorf("code %d, %s", code, text)
	}
}

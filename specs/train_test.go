package specs_test

import (
	"encoding/gob"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/pass"
)

// The types of testdata/driver.
type (
	job struct {
		Package string
		Block   int
		Seed    uint64
		Steps   int
		Rate    float64
		Inputs  []tensor
		Calls   []call
	}
	call struct {
		Block  int
		Inputs []tensor
	}
	tensor struct {
		Shape []int
		Data  []float64
	}
	result struct {
		Names         []string
		Before, After []tensor
		Each          [][]tensor
		Losses        []float64
		Err           string
	}
)

// trained is a train block of a small network with its job.
type trained struct {
	spec  spec
	entry string
	job   job
}

const trainSeed = 5

// TestTraining generates a small version of every network into one module, builds
// it once, and makes ten steps of each train block on one batch: the losses must
// be finite and fall, and the first step must leave what the float64 evaluator
// leaves.
func TestTraining(t *testing.T) {
	trainAll(t, specs)
}

// trainAll trains every train block of the networks and checks the outcome.
func trainAll(t *testing.T, specs []spec) {
	t.Helper()
	dir := t.TempDir()
	var all []trained
	var names []string
	for _, s := range specs {
		o := s.smallOptions(t)
		r, diags, err := compiler.Compile(o)
		if err != nil || diags.HasErrors() {
			t.Errorf("%s: %v %v", s.name, diags, err)
			continue
		}
		files, err := codegen.Generate(r.Loop, codegen.Options{Package: s.name})
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if n := r.Info.Parameters; n > 1_000_000 {
			t.Errorf("%s: %d parameters are not a small version", s.name, n)
		}
		for _, f := range files {
			write(t, filepath.Join(dir, s.name, f.Name), f.Data)
		}
		names = append(names, s.name)
		for _, e := range r.IR.Entries {
			if e.Kind == ir.Train {
				all = append(all, trained{s, e.Name, s.newJob(t, e, len(s.blocks(all)))})
			}
		}
	}
	played := slices.DeleteFunc([]trained{ganRounds(), dqnRounds()}, func(x trained) bool { return !slices.Contains(names, x.spec.name) })
	results := drive(t, dir, names, append(all, played...))
	for i, x := range played {
		t.Run(x.spec.name+"/algorithm", func(t *testing.T) { x.spec.follow(t, x.job, results[len(all)+i]) })
	}
	for i, r := range results[:len(all)] {
		t.Run(all[i].spec.name+"/"+all[i].entry, func(t *testing.T) { all[i].check(t, r) })
	}
}

// blocks returns the jobs of the network so far.
func (s spec) blocks(all []trained) (list []trained) {
	for _, x := range all {
		if x.spec.name == s.name {
			list = append(list, x)
		}
	}
	return list
}

// smallOptions are the compiler's options for the version that trains in a test.
func (s spec) smallOptions(t *testing.T) compiler.Options {
	t.Helper()
	o := compiler.Options{File: s.file(), Set: s.small, Overlay: map[string][]byte{}}
	for file, edits := range s.edits {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range edits {
			if !strings.Contains(string(text), e[0]) {
				t.Fatalf("%s does not say %q", file, e[0])
			}
			text = []byte(strings.ReplaceAll(string(text), e[0], e[1]))
		}
		o.Overlay[path.Join("specs", filepath.ToSlash(file))] = text
	}
	return o
}

// newJob draws a batch for a train block.
func (s spec) newJob(t *testing.T, e *ir.Entry, block int) job {
	t.Helper()
	dims := map[string]int64{"batch": 3, "time": 8, "chars": 2}
	for name, n := range s.dims {
		dims[name] = n
	}
	r := rand.New(rand.NewPCG(1, 2))
	j := job{Package: s.name, Block: block, Seed: trainSeed, Steps: 10, Rate: max(s.rate, 1)}
	for _, in := range e.Inputs {
		var x tensor
		n := 1
		for _, d := range in.Value.Type.Shape {
			v, err := d.Eval(dims)
			if err != nil {
				t.Fatal(err)
			}
			x.Shape, n = append(x.Shape, int(v)), n*int(v)
		}
		between, bounded := s.ranges[in.Name]
		for range n {
			switch {
			case in.Value.Type.DType.IsInt() && bounded:
				x.Data = append(x.Data, float64(between[0]+r.IntN(between[1]-between[0])))
			case in.Value.Type.DType.IsInt():
				x.Data = append(x.Data, float64(r.IntN(2)))
			case bounded:
				x.Data = append(x.Data, float64(float32(r.Float64())))
			default:
				x.Data = append(x.Data, float64(float32(r.NormFloat64())))
			}
		}
		j.Inputs = append(j.Inputs, x)
	}
	return j
}

// drive builds the module and runs all jobs.
func drive(t *testing.T, dir string, names []string, all []trained) []result {
	t.Helper()
	main, err := os.ReadFile("testdata/driver/main.go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.go"), main)
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\tmlrt \"github.com/mlc-go/mlc/runtime\"\n")
	for _, n := range names {
		fmt.Fprintf(&b, "\t\"small/%s\"\n", n)
	}
	b.WriteString(")\n\nvar models = map[string]func() *mlrt.Generated{\n")
	for _, n := range names {
		fmt.Fprintf(&b, "\t%q: %s.Generated,\n", n, n)
	}
	b.WriteString("}\n")
	write(t, filepath.Join(dir, "models.go"), []byte(b.String()))
	goBuild(t, dir, "driver")
	var jobs []job
	for _, x := range all {
		jobs = append(jobs, x.job)
	}
	f, err := os.Create(filepath.Join(dir, "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(f).Encode(jobs); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(dir, "driver"), f.Name(), filepath.Join(dir, "results")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if f, err = os.Open(filepath.Join(dir, "results")); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var results []result
	if err := gob.NewDecoder(f).Decode(&results); err != nil {
		t.Fatal(err)
	}
	return results
}

// goBuild builds a program in a folder, which becomes the module small.
func goBuild(t *testing.T, dir, program string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), []byte("module small\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n"))
	// Without the paths of the temporary folder, a second run finds its objects in the cache.
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// check judges what a job gave.
func (x trained) check(t *testing.T, r result) {
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	for i, loss := range r.Losses {
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			t.Fatalf("loss %v in step %d", loss, i+1)
		}
	}
	if first, last := r.Losses[0], r.Losses[len(r.Losses)-1]; !(last < first) {
		t.Errorf("the losses do not fall: %.6g", r.Losses)
	}
	x.compareStep(t, r)
}

// evaluator returns the float64 evaluator of the network, whose program has its
// gradients and no optional pass, with the job's seed and rate.
func (x trained) evaluator(t *testing.T) (*eval.Reference, *ir.Program) {
	t.Helper()
	built, diags, err := compiler.Build(x.spec.smallOptions(t))
	if err != nil || diags.HasErrors() {
		t.Fatal(diags, err)
	}
	var optional []string // so that only the gradient is made
	for _, p := range pass.List() {
		if !p.Required {
			optional = append(optional, p.Name)
		}
	}
	if err := pass.RunTensor(built.IR, pass.Options{Disable: optional}); err != nil {
		t.Fatal(err)
	}
	m := eval.NewReference(built.IR)
	m.Seed, m.Inputs = x.job.Seed, map[string]float64{"lr_scale": x.job.Rate}
	return m, built.IR
}

// inputs returns the job's batch for an entry of the evaluator.
func (x trained) inputs(e *ir.Entry) (in []ir.Dense) {
	for i, v := range x.job.Inputs {
		in = append(in, ir.Dense{DType: e.Inputs[i].Value.Type.DType, Shape: v.Shape, Data: v.Data})
	}
	return in
}

// compareStep compares the first step with the evaluator's.
func (x trained) compareStep(t *testing.T, r result) {
	m, program := x.evaluator(t)
	vars := stored(program)
	if len(vars) != len(r.Before) {
		t.Fatalf("%d stored tensors, want %d", len(r.Before), len(vars))
	}
	for i, v := range vars {
		m.Vars[v] = ir.Dense{DType: v.Type.DType, Shape: r.Before[i].Shape, Data: r.Before[i].Data}
	}
	e := m.Entry(ir.Train, x.entry)
	out, err := m.Run(e, x.inputs(e)...)
	if err != nil {
		t.Fatal(err)
	}
	half := false
	for _, v := range vars {
		half = half || v.Type.DType == dim.BFloat16
	}
	lossLimit, limit := 1e-5, 2e-4
	if half {
		lossLimit, limit = 1e-2, 5e-2
	}
	if want := out[0].Data[0]; !(math.Abs(r.Losses[0]-want) <= lossLimit*math.Max(1, math.Abs(want))) {
		t.Errorf("loss %.8g, want %.8g", r.Losses[0], want)
	}
	for i, v := range vars {
		if x.spec.zeroGradient(v.Name) {
			continue
		}
		if d := distance(r.After[i].Data, m.Vars[v].Data); !(d <= limit) {
			t.Errorf("%s is off by %.2g of its norm after a step", v.Name, d)
		}
	}
}

// zeroGradient reports whether a tensor's gradient is zero in exact arithmetic,
// so that what is left of it is rounding, which Adam blows up to a step.
func (s spec) zeroGradient(name string) bool {
	return slices.ContainsFunc(s.zero, func(z string) bool { return strings.Contains(name, z) })
}

// stored lists the tensors of a program in the order of the generated Info.
func stored(p *ir.Program) (list []*ir.Var) {
	for _, kind := range []ir.VarKind{ir.Param, ir.Buffer, ir.OptState} {
		for _, v := range p.Vars {
			if v.Kind == kind {
				list = append(list, v)
			}
		}
	}
	return list
}

// distance returns the 2-norm of have - want relative to that of want.
func distance(have, want []float64) float64 {
	diff, norm := 0.0, 0.0
	for i, w := range want {
		d := have[i] - w
		diff, norm = diff+d*d, norm+w*w
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}

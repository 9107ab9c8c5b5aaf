package codegen_test

import (
	"encoding/gob"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
	mlrt "github.com/mlc-go/mlc/runtime"
)

var _ = debug.SetGCPercent(400) // as the command does

// The types of testdata/driver.go.txt.
type (
	driverCase struct {
		Package string
		Seed    uint64
		Threads int
		Target  string
		Pauses  bool
		Like    bool
		Vars    [][]uint64
		Calls   []driverCall
	}
	driverCall struct {
		Kind   string
		Index  int
		Inputs []driverTensor
	}
	driverTensor struct {
		Shape []int
		Bits  []uint64
	}
	driverResult struct {
		Calls   [][]driverTensor
		Metrics [][]float64
		Vars    [][]uint64
		Err     string
	}
)

// lab is a module of generated packages, built once and run on many cases.
type lab struct {
	t     *testing.T
	dir   string
	progs map[string]*loop.Program
	names []string
	cases []driverCase
}

func newLab(t *testing.T) *lab {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: labDir(t), progs: map[string]*loop.Program{}}
	l.write("go.mod", "module lab\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n")
	return l
}

// labDir is a temporary folder, or one that $MLC_LAB names, to look at.
func labDir(t *testing.T) string {
	if dir := os.Getenv("MLC_LAB"); dir != "" {
		return filepath.Join(dir, t.Name())
	}
	return t.TempDir()
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// add generates a program as package name.
func (l *lab) add(name string, p *loop.Program) { l.addWith(codegen.Options{Package: name}, p) }

func (l *lab) addWith(o codegen.Options, p *loop.Program) {
	l.t.Helper()
	name := o.Package
	files, err := codegen.Generate(p, o)
	if err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	for _, f := range files {
		l.write(filepath.Join(name, f.Name), string(f.Data))
	}
	l.progs[name] = p
	l.names = append(l.names, name)
}

// goCommand runs the go command in the lab.
func (l *lab) goCommand(env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = l.dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOGC=400"), env...) // the compiler collects less
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// goBuild builds the program, which nobody debugs.
func (l *lab) goBuild(program string, env ...string) (string, error) {
	return l.goCommand(env, "build", "-gcflags=lab/...=-dwarf=false", "-ldflags=-s -w", "-o", program, ".")
}

// build builds the driver with all packages.
func (l *lab) build() {
	l.t.Helper()
	driver, err := os.ReadFile("testdata/driver.go.txt")
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("main.go", string(driver))
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\tmlrt \"github.com/mlc-go/mlc/runtime\"\n")
	for _, n := range l.names {
		fmt.Fprintf(&b, "\t%q\n", "lab/"+n)
	}
	b.WriteString(")\n\nvar models = map[string]func() *mlrt.Generated{\n")
	for _, n := range l.names {
		fmt.Fprintf(&b, "\t%q: %s.Generated,\n", n, n)
	}
	b.WriteString("}\n")
	l.write("models.go", b.String())
	if out, err := l.goBuild("driver"); err != nil {
		l.t.Fatalf("go build: %v\n%s", err, out)
	}
}

// run runs all cases in the driver.
func (l *lab) run() []driverResult {
	l.t.Helper()
	return l.runAs(filepath.Join(l.dir, "driver"))
}

// runAs runs all cases with a command.
func (l *lab) runAs(command ...string) []driverResult {
	l.t.Helper()
	in := filepath.Join(l.dir, "cases")
	f, err := os.Create(in)
	if err != nil {
		l.t.Fatal(err)
	}
	cases := gob.NewEncoder(f)
	for _, c := range l.cases {
		if err := cases.Encode(c); err != nil {
			l.t.Fatal(err)
		}
	}
	f.Close()
	out := filepath.Join(l.dir, "results")
	if text, err := exec.Command(command[0], append(command[1:], in, out)...).CombinedOutput(); err != nil {
		l.t.Fatalf("driver: %v\n%s", err, text)
	}
	f, err = os.Open(out)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	results := make([]driverResult, len(l.cases))
	from := gob.NewDecoder(f)
	for i := range results {
		if err := from.Decode(&results[i]); err != nil {
			l.t.Fatal(err)
		}
	}
	return results
}

// random fills a tensor. Integers are 0 or 1, which every table and every
// number of classes allows.
func random(r *rand.Rand, t dim.DType, n int) []uint64 {
	bits := make([]uint64, n)
	for i := range bits {
		v := r.NormFloat64()
		switch t {
		case dim.Float32:
			bits[i] = uint64(math.Float32bits(float32(v)))
		case dim.Float64:
			bits[i] = math.Float64bits(v)
		case dim.BFloat16:
			bits[i] = uint64(mlrt.ToBFloat16(float32(v)))
		case dim.Float16:
			bits[i] = uint64(mlrt.ToFloat16(float32(v)))
		default:
			bits[i] = uint64(r.IntN(2))
		}
	}
	return bits
}

// infos lists the stored tensors in the order of the generated Info.
func infos(p *loop.Program) (vars []*loop.Var) {
	for _, kind := range []string{"param", "buffer", "optimizer"} {
		for _, v := range p.Vars {
			if v.Kind == kind {
				vars = append(vars, v)
			}
		}
	}
	return vars
}

// funcs lists the program's functions of a kind.
func funcs(p *loop.Program, kind string) (list []*loop.Func) {
	for _, f := range p.Funcs {
		if f.Kind == kind {
			list = append(list, f)
		}
	}
	return list
}

func inputsOf(t *testing.T, r *rand.Rand, f *loop.Func, dims map[string]int64) (list []driverTensor) {
	t.Helper()
	for _, b := range f.Inputs {
		var shape []int
		n := 1
		for _, d := range b.Shape {
			v, err := d.Eval(dims)
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, int(v))
			n *= int(v)
		}
		list = append(list, driverTensor{shape, random(r, b.DType, n)})
	}
	return list
}

// oracle runs a case with the exact evaluator and compares it with what the
// generated code gave.
func (l *lab) oracle(c driverCase, got driverResult, dims []map[string]int64) {
	t := l.t
	t.Helper()
	p := l.progs[c.Package]
	if got.Err != "" {
		t.Errorf("%s: %s", c.Package, got.Err)
		return
	}
	m, err := eval.NewExact(p)
	if err != nil {
		t.Fatal(err)
	}
	m.Seed, m.Metrics = c.Seed, true
	for _, init := range funcs(p, "init") {
		if _, err := m.Run(init, nil); err != nil {
			t.Fatal(err)
		}
	}
	vars := infos(p)
	for i, bits := range c.Vars {
		if bits != nil {
			copyVar(t, vars[i], m.Vars[vars[i]], bits, true)
		}
	}
	steps := map[int]int64{}
	calls := int64(0)
	for i, call := range c.Calls {
		kind := map[string]string{"forward": "forward", "step": "train", "eval": "eval"}[call.Kind]
		f := funcs(p, kind)[call.Index]
		for _, v := range p.Vars {
			if v.Kind == "metric" {
				clear(m.Vars[v])
			}
		}
		switch call.Kind {
		case "forward":
			calls++
			m.Step = calls
		case "step":
			steps[call.Index]++
			m.Step = steps[call.Index]
		default:
			m.Step = steps[call.Index]
		}
		var in [][]uint64
		for _, x := range call.Inputs {
			in = append(in, append([]uint64(nil), x.Bits...))
		}
		want, err := m.Run(f, dims[i], in...)
		if err != nil {
			t.Fatalf("%s: %v", c.Package, err)
		}
		for k := range got.Calls[i] {
			what := fmt.Sprintf("%s: call %d (%s), %s", c.Package, i, f.Kind, f.Outputs[k].Name)
			compare(t, what, f.Outputs[k].Buffer.DType, got.Calls[i][k].Bits, want[k])
		}
	}
	for i, v := range vars {
		n, _ := dim.Product(v.Shape).Int()
		want := make([]uint64, n)
		copyVar(t, v, m.Vars[v], want, false)
		compare(t, fmt.Sprintf("%s: stored %s", c.Package, v.Name), v.DType, got.Vars[i], want)
	}
}

// copyVar copies between a stored tensor's layout and row-major order.
func copyVar(t *testing.T, v *loop.Var, mem, row []uint64, write bool) {
	t.Helper()
	shape := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		n, _ := d.Int()
		shape[i] = int(n)
	}
	for r := range row {
		at := r
		if l := v.Layout; l != nil {
			idx := make([]int, len(shape))
			for a, rest := len(shape)-1, r; a >= 0; a-- {
				idx[a], rest = rest%shape[a], rest/shape[a]
			}
			at = idx[l.Lane] / l.Width
			for _, a := range l.Rest {
				at = at*shape[a] + idx[a]
			}
			at = at*l.Width + idx[l.Lane]%l.Width
		}
		if write {
			mem[at] = row[r]
		} else {
			row[r] = mem[at]
		}
	}
}

// compare compares bits; NaNs are equal, since their payload is outside the
// float contract.
func compare(t *testing.T, what string, typ dim.DType, got, want []uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] == want[i] {
			continue
		}
		if typ == dim.Float32 {
			g, w := math.Float32frombits(uint32(got[i])), math.Float32frombits(uint32(want[i]))
			if g != g && w != w {
				continue
			}
			t.Errorf("%s: element %d is %x, want %x", what, i, g, w)
			return
		}
		t.Errorf("%s: element %d is %#x, want %#x", what, i, got[i], want[i])
		return
	}
}

// parse reads a loop program from testdata.
func parse(t *testing.T, file string) *loop.Program {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := loop.Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// compiled runs the whole compiler on a model.
func compiled(t *testing.T, file string, set map[string]string) *loop.Program {
	t.Helper()
	r, diags, err := compiler.Compile(compiler.Options{File: file, Set: set})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if diags.HasErrors() {
		t.Fatalf("%s: %v", file, diags)
	}
	return r.Loop
}

// addCase makes a case of calls with random inputs and random stored tensors.
func (l *lab) addCase(name string, seed uint64, threads int, kinds string, dims map[string]int64) []map[string]int64 {
	l.t.Helper()
	p := l.progs[name]
	r := rand.New(rand.NewPCG(seed, 7))
	c := driverCase{Package: name, Seed: seed, Threads: threads}
	for _, v := range infos(p) {
		if v.Kind != "param" { // a variance must not be negative: it keeps its initial value
			c.Vars = append(c.Vars, nil)
			continue
		}
		n, _ := dim.Product(v.Shape).Int()
		bits := random(r, v.DType, int(n))
		for i, b := range bits {
			switch v.DType { // small weights keep losses finite
			case dim.Float32:
				bits[i] = uint64(math.Float32bits(math.Float32frombits(uint32(b)) * 0.1))
			case dim.BFloat16:
				bits[i] = uint64(mlrt.ToBFloat16(mlrt.FromBFloat16(uint16(b)) * 0.1))
			}
		}
		c.Vars = append(c.Vars, bits)
	}
	var all []map[string]int64
	for _, kind := range strings.Fields(kinds) {
		list := funcs(p, map[string]string{"forward": "forward", "step": "train", "eval": "eval"}[kind])
		for i, f := range list {
			c.Calls = append(c.Calls, driverCall{kind, i, inputsOf(l.t, r, f, dims)})
			all = append(all, dims)
		}
	}
	l.cases = append(l.cases, c)
	return all
}

// addLike makes a case of the stored tensors and calls of the last one that addCase
// made: the driver says whether its bits are the same.
func (l *lab) addLike(name, target string, threads int) {
	l.cases = append(l.cases, driverCase{Package: name, Seed: l.cases[len(l.cases)-1].Seed, Threads: threads, Target: target, Like: true})
}

// TestExact compares generated code with the exact evaluator, bit for bit.
func TestExact(t *testing.T) {
	l := newLab(t)
	l.add("forward", parse(t, "../compiler/loop/testdata/mlp_forward.txt"))
	l.add("mlp", compiled(t, "testdata/classifier/net.ml", nil))
	l.add("state", compiled(t, "testdata/state/net.ml", nil))
	l.build()
	dims := [][]map[string]int64{l.addCase("state", 1, 1, "forward forward forward", map[string]int64{"batch": 4})}
	for i, batch := range []int64{1, 5, 8, 33} {
		dims = append(dims, l.addCase("forward", uint64(i), i%3+1, "forward", map[string]int64{"batch": batch}))
		dims = append(dims, l.addCase("mlp", uint64(i), i%3+1, "step eval step", map[string]int64{"batch": batch}))
	}
	for i, r := range l.run() {
		l.oracle(l.cases[i], r, dims[i])
	}
}

// truth is a check that always holds.
var truth = scalar.Num(1)

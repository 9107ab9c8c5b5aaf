package specs_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// TestLongGuards runs the assembly of every kernel of small versions of all networks
// between pages that must not be touched, for AVX2 and AVX-512, and compares each bit
// with the kernel in plain Go. Kernels that several networks have run once.
//
// Each of a kernel's sizes runs from 0 to 257, the others being a few small ones. Each
// length has its data at 0 to 15 elements behind the first page, and ending at 0 to 15
// before the last. Bytes beside the data must stay as they are. A kernel without sizes
// runs each number of its items up to 257 together at each place, by turns the first,
// the last or others.
//
// Large are calls of more than 4,096 points (guard.go), to which one in Go is slow and
// memory that moves is much. They run at 0 to 15 elements behind the first page and at
// the last one. At both pages all items run and are compared; at 1 to 15 elements the
// first, the last, and some in the middle run, with what they left at the page.
//
// Kernels whose sums may pause do so wherever they can at some of the places. A size
// that is a constant in the model takes other values where the kernel in Go can have
// them; with those of the model's calls it must.
func TestLongGuards(t *testing.T) {
	l := newGuardLab(t)
	seen := map[string]bool{}
	for _, s := range specs {
		t.Run(s.name, func(t *testing.T) {
			l := *l
			l.t = t
			first := func(k *loop.Kernel, dims []int64) bool {
				text := fmt.Sprint(loop.NeutralCopy(k), dims)
				had := seen[text]
				seen[text] = true
				return !had
			}
			pausing := 0
			cases := l.build(s.name, s.guardOptions(t), func(c *strings.Builder, index int, k *loop.Kernel, calls [][]dim.Dim, pauses bool) {
				if !first(k, nil) {
					return
				}
				eachSize(k, calls, pauses, func(dims []int64, general bool) { guardLine(c, index, k, dims, general) })
				if pauses {
					pausing++
				}
			}, func(c *strings.Builder, index int, k *loop.Kernel, calls [][]dim.Dim, p *loop.Part) {
				eachSize(k, calls, false, func(dims []int64, _ bool) {
					for _, last := range []bool{false, true} {
						if dims := partDims(k, p, dims, last); dims != nil && first(p.Kernel, dims) {
							guardLine(c, index, p.Kernel, dims, false)
						}
					}
				})
			})
			t.Parallel()
			out, err := l.run(s.name, cases, "GOMAXPROCS=1", "GOGC=400")
			if err != nil {
				t.Fatalf("%v, the last call was %s\n%.3000s", err, l.last(s.name), out)
			}
			paused := strings.Count(string(out), "\n")
			t.Logf("%d kernels paused", paused)
			if paused == 0 && pausing > 0 {
				t.Error("no kernel paused")
			}
		})
	}
}

// guardSet are arguments that allow all sizes, and make those that are constants small,
// as plain Go is slow, and few of them multiples of 16, so that vectors have tails.
var guardSet = map[string]map[string]string{
	"mlp":      {"hidden": "40"},
	"vae":      {"hidden": "40"},
	"resnet18": {"size": "8", "width": "2"},
	"unet":     {"size": "6", "depth": "1", "base": "2"},
	"lstm":     {"hidden": "8"},
	"gpt":      {"context": "257", "vocab": "12", "dim": "12"},
	"llama":    {"context": "257", "vocab": "12", "dim": "8", "heads": "2", "kv_heads": "1", "hidden": "20"},
	"vit":      {"size": "8", "patch": "4", "dim": "12"},
	"gan":      {"width": "2"},
	"clip":     {"size": "8", "patch": "4", "dim": "12", "vision_dim": "12", "context": "3"},
	"custom":   {"hidden": "20"},
}

// guardEdits make sizes small that are no arguments.
var guardEdits = map[string][][2]string{
	"mlp":          {{"784", "100"}},
	"lenet":        {{"28, 28", "12, 12"}, {"conv2d(6", "conv2d(3"}, {"conv2d(16", "conv2d(8"}, {"linear(120)", "linear(40)"}, {"linear(84)", "linear(36)"}},
	"vae":          {{"784", "100"}},
	"dqn":          {{"128", "40"}},
	"actor_critic": {{"256", "40"}},
	"gan":          {{"kernel = 7", "kernel = 3"}, {"28, 28", "12, 12"}},
}

// guardOptions are those of a version whose kernels are called very often.
func (s spec) guardOptions(t *testing.T) compiler.Options {
	if e := guardEdits[s.name]; e != nil {
		s.edits = map[string][][2]string{s.file(): e}
	}
	o := s.smallOptions(t)
	o.Set = map[string]string{}
	maps.Copy(o.Set, s.small)
	maps.Copy(o.Set, guardSet[s.name])
	return o
}

// guardLab is a module of generated packages whose kernels are called one by one.
type guardLab struct {
	t   *testing.T
	dir string
}

func newGuardLab(t *testing.T) *guardLab {
	refdata.Long(t)
	if runtime.GOARCH != "amd64" || runtime.GOOS != "linux" {
		t.Skip("assembly for amd64, pages of Linux")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	l := &guardLab{t, t.TempDir()}
	write(t, filepath.Join(l.dir, "go.mod"), []byte("module guards\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n"))
	code, err := os.ReadFile("testdata/guard/guard.go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(l.dir, "guard", "guard.go"), code)
	return l
}

// build builds the program that calls a network's kernels; lines writes the calls
// of one of them, parts those of a part of one.
func (l *guardLab) build(name string, o compiler.Options, lines func(c *strings.Builder, index int, k *loop.Kernel, calls [][]dim.Dim, pauses bool), parts func(c *strings.Builder, index int, k *loop.Kernel, calls [][]dim.Dim, p *loop.Part)) (cases string) {
	r, diags, err := compiler.Compile(o)
	if err != nil || diags.HasErrors() {
		l.t.Fatal(diags, err)
	}
	files, err := codegen.Generate(r.Loop, codegen.Options{Package: name})
	if err != nil {
		l.t.Fatal(err)
	}
	pkg := filepath.Join(l.dir, name)
	tasks := map[string][]string{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name, "_test.go") {
			write(l.t, filepath.Join(pkg, f.Name), f.Data)
		}
		if strings.HasSuffix(f.Name, ".go") {
			taskFields(l.t, f.Data, tasks)
		}
	}
	var c strings.Builder
	table, kernels := guardTable(l.t, name, r.Loop, tasks)
	called := map[*loop.Kernel][][]dim.Dim{}
	for _, f := range r.Loop.Funcs {
		calledKernels(f.Body, called)
	}
	for i, k := range kernels {
		if called[k] != nil { // others are parts of those
			lines(&c, i, k, called[k], strings.HasPrefix(tasks[k.Name+assembled][0], "AddLong"))
		}
	}
	for _, k := range r.Loop.Kernels {
		for _, p := range k.Parts {
			if i := slices.Index(kernels, p.Kernel); i >= 0 && called[k] != nil && parts != nil {
				parts(&c, i, k, called[k], p)
			}
		}
	}
	l.t.Logf("%d kernels of %d, %d calls", len(kernels), len(r.Loop.Kernels), strings.Count(c.String(), "\n"))
	write(l.t, filepath.Join(pkg, "guards_test.go"), []byte(table))
	test := exec.Command("go", "test", "-c", "-gcflags=guards/...=-dwarf=false", "-ldflags=-s -w", "-o", "guards", ".")
	test.Dir, test.Env = pkg, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOGC=400")
	if out, err := test.CombinedOutput(); err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	return c.String()
}

// calledKernels finds the kernels that are called, with the sizes of their calls.
func calledKernels(body []loop.Step, called map[*loop.Kernel][][]dim.Dim) {
	for _, s := range body {
		switch s := s.(type) {
		case *loop.For:
			calledKernels(s.Body, called)
		case *loop.Call:
			called[s.Kernel] = append(called[s.Kernel], s.Dims)
		}
	}
}

func (l *guardLab) run(name, cases string, env ...string) ([]byte, error) {
	run := exec.Command(filepath.Join(l.dir, name, "guards"))
	run.Dir, run.Env = filepath.Join(l.dir, name), append(os.Environ(), env...)
	run.Stdin = strings.NewReader(cases)
	return run.CombinedOutput()
}

// last says what ran last: a child process leaves it in a file.
func (l *guardLab) last(name string) string {
	b, err := os.ReadFile(filepath.Join(l.dir, name, "running"))
	if err != nil || len(b) < 232 {
		return fmt.Sprint("unknown: ", err)
	}
	at := make([]uint64, 4)
	for i := range at {
		at[i] = binary.LittleEndian.Uint64(b[200+8*i:])
	}
	return fmt.Sprintf("%s on %v, place %d, items %d to %d", bytes.TrimSpace(b[:200]), mlrt.Target(at[0]), at[1], at[2], at[3])
}

// assembled says how the kernels that have assembly get it, among the fields of arguments,
// function the functions of kernels, takes what these take.
const assembled, function, takes = " assembled", " function", " takes"

// taskFields finds the types of the kernels' arguments, and which have assembly.
func taskFields(t *testing.T, source []byte, tasks map[string][]string) {
	f, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if kernel, method, ok := strings.Cut(types.ExprString(c.Fun), "."); ok && strings.HasPrefix(method, "Add") {
				tasks[kernel+assembled] = []string{method}
			}
		}
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if c, ok := v.Values[0].(*ast.CallExpr); ok && strings.HasPrefix(types.ExprString(c.Fun), "mlrt.New") {
				tasks[v.Names[0].Name+function] = []string{types.ExprString(c.Args[0])}
			}
		}
		if d, ok := n.(*ast.FuncDecl); ok && len(d.Type.Params.List) > 0 {
			tasks[d.Name.Name+takes] = []string{strings.TrimPrefix(types.ExprString(d.Type.Params.List[0].Type), "*")}
		}
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !strings.HasSuffix(spec.Name.Name, "Args") {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for range field.Names {
					tasks[spec.Name.Name] = append(tasks[spec.Name.Name], types.ExprString(field.Type))
				}
			}
		}
		return true
	})
}

// guardTable writes the table of the kernels that have assembly.
func guardTable(t *testing.T, name string, p *loop.Program, tasks map[string][]string) (table string, kernels []*loop.Kernel) {
	var rows strings.Builder
	for _, k := range p.Kernels {
		typ := ""
		if f := tasks[k.Name+function]; f != nil {
			typ = tasks[f[0]+takes][0]
		}
		fields := tasks[typ]
		if len(fields) == 0 && !fillOrCopy(k) && k.Parts == nil {
			t.Errorf("no arguments of %s", k.Name)
		}
		if tasks[k.Name+assembled] == nil {
			continue // a fill, a copy, a sort, one that consists of others
		}
		var args []string
		at, dims, counters := 0, 0, 0
		for _, f := range fields {
			switch {
			case strings.HasPrefix(f, "[]"):
				args = append(args, fmt.Sprintf("guard.Slice[%s](p[%d], n[%d])", f[2:], at, at))
				at++
			case dims < len(k.Dims):
				args = append(args, fmt.Sprintf("dims[%d]", dims))
				dims++
			case f == "float32":
				args = append(args, "1.5")
			case f == "int": // the counter of a loop around the call
				args = append(args, fmt.Sprintf("dims[%d]", len(k.Dims)+counters))
				counters++
			default:
				args = append(args, "3")
			}
		}
		if at != len(k.Params) || dims != len(k.Dims) || counters != len(k.Counters) {
			t.Fatalf("the fields of %s are %v", typ, fields)
		}
		kernels = append(kernels, k)
		fmt.Fprintf(&rows, "\t{%q, func(target mlrt.Target, p []unsafe.Pointer, n, dims []int) guard.Task { return mlrt.NewCall(%s, target, %s{%s}) }},\n", k.Name, k.Name, typ, strings.Join(args, ", "))
	}
	if len(kernels) == 0 {
		t.Fatal("no kernel has assembly")
	}
	return fmt.Sprintf(guardSource, name, rows.String()), kernels
}

// fillOrCopy reports whether a kernel is what Go's clear and copy do.
func fillOrCopy(k *loop.Kernel) bool {
	if len(k.Phases) != 1 || k.Phases[0].Kind != loop.Map || len(k.Phases[0].Stores) != 1 {
		return false
	}
	op := k.Phases[0].Stores[0].Value.Op
	return op == loop.Const || op == loop.Load
}

const guardSource = `package %s

import (
	"os"
	"testing"
	"unsafe"

	"guards/guard"
	mlrt "github.com/mlc-go/mlc/runtime"
)

func TestMain(*testing.M) {
	if os.Getenv("GUARD_TIME") != "" {
		guard.Time(os.Stdin, kernels)
		return
	}
	guard.Run(os.Stdin, kernels)
}

var kernels = []guard.Kernel{
%s}
`

// eachSize calls f with the sizes of the model's calls, and with each size from 0 to
// 257, the others small or as in one of the calls, and with its counters. Of a kernel
// that may pause the batch is large as well. general is whether such sizes may be
// impossible.
func eachSize(k *loop.Kernel, calls [][]dim.Dim, pauses bool, f func(dims []int64, general bool)) {
	small := []int64{2, 1, 3}
	general := false
	sizes := func(n int) []int64 {
		dims := make([]int64, len(k.Dims)+len(k.Counters))
		for j := range dims {
			dims[j] = small[(n+j)%len(small)]
			if j < len(k.Dims) {
				if size, known := calls[n%len(calls)][j].Int(); known {
					dims[j], general = size, true
				}
			}
		}
		return dims
	}
	done := map[string]bool{}
	for n := range calls {
		if dims := sizes(n); !done[fmt.Sprint(dims)] {
			done[fmt.Sprint(dims)] = true
			f(dims, false)
		}
	}
	for i, d := range k.Dims {
		for n := range 258 {
			if dims := sizes(n); n > 0 || len(k.Counters) == 0 { // a loop over nothing makes no call
				dims[i] = int64(n)
				f(dims, general)
			}
		}
		if dims := sizes(i); pauses && d == "batch" {
			dims[i] = 4500
			if work(k, sizesOf(k, dims)) < 5_000_000 {
				f(dims, general)
			}
		}
	}
}

// sizesOf gives the sizes their names.
func sizesOf(k *loop.Kernel, dims []int64) map[string]int64 {
	env := map[string]int64{}
	for i, d := range k.Dims {
		env[d] = dims[i]
	}
	return env
}

// work counts the points of a call's phases.
func work(k *loop.Kernel, env map[string]int64) (total float64) {
	size := func(axes []*loop.Axis) float64 {
		n := 1.0
		for _, a := range axes {
			e, _ := a.Extent.Eval(env)
			n *= float64(e)
		}
		return n
	}
	for _, ph := range k.Phases {
		total += size(k.Space) * size(ph.Axes)
	}
	return total
}

// guardLine writes a call of a kernel with the given sizes and counters; general is
// whether such sizes may be impossible.
func guardLine(c *strings.Builder, index int, k *loop.Kernel, dims []int64, general bool) {
	env := sizesOf(k, dims)
	yes := map[bool]int{true: 1}
	line := fmt.Sprint(index, " ", len(k.Dims), " ", len(k.Counters), " ", len(k.Params), " ", int64(work(k, env)), " ", yes[general])
	for _, n := range dims {
		line += fmt.Sprint(" ", n)
	}
	for _, p := range k.Params {
		n, err := loop.PhysicalSize(p.Shape, p.Layout).Eval(env)
		if err != nil || n < 0 {
			return // sizes that no model gives
		}
		lane, width, rest := int64(0), 0, int64(1)
		if p.Layout != nil {
			lane, _ = p.Shape[p.Layout.Lane].Eval(env)
			width = p.Layout.Width
			for _, a := range p.Layout.Rest {
				e, _ := p.Shape[a].Eval(env)
				rest *= e
			}
		}
		float := p.DType == dim.Float32 || p.DType == dim.BFloat16
		line += fmt.Sprintf(" %d %d %d %d %d %d %d", n, p.DType.Size(), yes[float], yes[p.Write], lane, width, rest)
	}
	c.WriteString(line + "\n")
}

// partDims are the sizes and counters with which a kernel's first or last tile, at the
// first or last point of its space, calls one of its parts, nil where it makes no call.
func partDims(k *loop.Kernel, p *loop.Part, sizes []int64, last bool) (dims []int64) {
	env := sizesOf(k, sizes)
	at := map[*loop.Axis]int64{}
	for _, a := range k.Space {
		n, err := a.Extent.Eval(env)
		if err != nil || n == 0 {
			return nil
		}
		if last {
			at[a] = n - 1
		}
	}
	if t := k.Tiles; t != nil {
		n, err := t.Axis.Extent.Eval(env)
		if err != nil || n == 0 || last && p.When == loop.AtFirst && n > t.Size || !last && p.When == loop.AtLast && n > t.Size {
			return nil
		}
		if last {
			at[t.Axis] = (n - 1) / t.Size * t.Size
		}
		env[t.End] = min(n, at[t.Axis]+t.Size)
		env[t.Rows] = env[t.End] - at[t.Axis]
	}
	dims = []int64{}
	for _, d := range p.Dims {
		n, err := d.Eval(env)
		if err != nil || n == 0 {
			return nil
		}
		dims = append(dims, n)
	}
	for _, a := range p.Counters {
		dims = append(dims, at[a])
	}
	return dims
}

// longestCall is how many microseconds a call of assembly may keep the collector
// waiting.
const longestCall = 100

// TestTimesOfCalls requires that no call takes longer: each item that a worker takes
// is one call, or several where its sums are long and pause.
func TestTimesOfCalls(t *testing.T) {
	l := newGuardLab(t)
	for _, m := range []struct {
		name, file string
		set        map[string]string
		dims       map[string]int64
	}{
		{"mlp", "mlp/net.ml", nil, map[string]int64{"batch": 512}},
		{"lenet", "../bench/models/lenet.ml", nil, map[string]int64{"batch": 64}},
		{"resnet20", "../bench/models/resnet20.ml", nil, map[string]int64{"batch": 32}},
		{"lstm", "../bench/models/lstm.ml", nil, map[string]int64{"batch": 32}},
		{"tinygpt", "../bench/models/gpt.ml", nil, map[string]int64{"batch": 12}},
		{"gpt", "gpt/net.ml", map[string]string{"layers": "1", "vocab": "8192"}, map[string]int64{"batch": 2, "time": 256}},
	} {
		t.Run(m.name, func(t *testing.T) {
			l := *l
			l.t = t
			l.callTimes(m.name, compiler.Options{File: m.file, Set: m.set}, m.dims)
		})
	}
}

func (l *guardLab) callTimes(name string, o compiler.Options, dims map[string]int64) {
	r, diags, err := compiler.Compile(o)
	if err != nil || diags.HasErrors() {
		l.t.Fatal(diags, err)
	}
	calls := map[string]map[string][]int64{} // of each kernel, by its sizes
	for _, f := range r.Loop.Funcs {
		callSizes(f.Body, dims, calls)
	}
	cases := l.build(name, o, func(c *strings.Builder, index int, k *loop.Kernel, _ [][]dim.Dim, _ bool) {
		for _, sizes := range calls[k.Name] {
			guardLine(c, index, k, append(sizes, make([]int64, len(k.Counters))...), false)
		}
	}, nil)
	out, err := l.run(name, cases, "GUARD_TIME=1", "GOMAXPROCS=1")
	if err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var kernel string
		var micros float64
		if _, err := fmt.Sscan(line, &kernel, &micros); err != nil {
			l.t.Fatalf("%q: %v", line, err)
		}
		if micros > longestCall {
			l.t.Errorf("a call of assembly takes longer than %d µs: %s", longestCall, strings.TrimSpace(line))
		}
	}
}

// callSizes collects the sizes with which kernels are called.
func callSizes(body []loop.Step, dims map[string]int64, calls map[string]map[string][]int64) {
	for _, s := range body {
		switch s := s.(type) {
		case *loop.For:
			callSizes(s.Body, dims, calls)
		case *loop.Call:
			var sizes []int64
			for _, d := range s.Dims {
				n, err := d.Eval(dims)
				if err != nil {
					return
				}
				sizes = append(sizes, n)
			}
			if calls[s.Kernel.Name] == nil {
				calls[s.Kernel.Name] = map[string][]int64{}
			}
			calls[s.Kernel.Name][fmt.Sprint(sizes)] = sizes
		}
	}
}

package golden_test

import (
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/internal/golden"
	"github.com/mlc-go/mlc/internal/refdata"
)

// The types of the runner's protocol; see testdata/runner.go.txt.
type (
	wireRequest struct {
		Package  int
		Op, Name string
		Value    golden.Values
		Inputs   map[string]golden.Values
	}
	wireAnswer struct {
		Value golden.Values
		Loss  float64
		Error string
	}
)

// runner is the process that holds the generated packages.
type runner struct {
	cmd *exec.Cmd
	enc *gob.Encoder
	dec *gob.Decoder
}

func (r *runner) ask(q wireRequest) (a wireAnswer, err error) {
	if err = r.enc.Encode(q); err == nil {
		err = r.dec.Decode(&a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

// generated runs one fragment's train block in the runner.
type generated struct {
	r     *runner
	pkg   int
	train string
}

func (g *generated) Set(name string, v golden.Values) error {
	_, err := g.r.ask(wireRequest{Package: g.pkg, Op: "set", Name: name, Value: v})
	return err
}

func (g *generated) Get(name string) (golden.Values, error) {
	a, err := g.r.ask(wireRequest{Package: g.pkg, Op: "get", Name: name})
	return a.Value, err
}

func (g *generated) Step(_ int, feed map[string]golden.Values) (float64, error) {
	a, err := g.r.ask(wireRequest{Package: g.pkg, Op: "step", Name: g.train, Inputs: feed})
	return a.Loss, err
}

// compileModel compiles fragments as one model.
func compileModel(name string, fragments []*golden.Fragment) (*loop.Program, error) {
	text := golden.Model(name, fragments)
	r, diags, err := compiler.Compile(compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": []byte(text)}, FS: os.DirFS(".")})
	if err == nil && diags.HasErrors() {
		err = diags
	}
	if err != nil {
		return nil, err
	}
	return r.Loop, nil
}

// maxPackages bounds the number of generated packages, so that the Go compiler's
// fixed cost for each stays small.
const maxPackages = 8

// lab is a temporary module with generated packages and the runner.
type lab struct {
	dir   string
	where map[*golden.Fragment]int // package of a fragment
}

// newLab generates packages of all fragments that compile; broken holds the
// others.
func newLab(t *testing.T, fragments []*golden.Fragment) (l *lab, broken map[*golden.Fragment]error) {
	t.Helper()
	l = &lab{dir: t.TempDir(), where: map[*golden.Fragment]int{}}
	if dir := os.Getenv("MLC_LAB"); dir != "" { // to look at
		l.dir = dir
	}
	broken = map[*golden.Fragment]error{}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	l.write(t, "go.mod", "module lab\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n")
	var imports, list strings.Builder
	n := min(maxPackages, len(fragments))
	for k := range n {
		l.generate(t, k, fragments[k*len(fragments)/n:(k+1)*len(fragments)/n], broken)
		fmt.Fprintf(&imports, "\t\"lab/g%d\"\n", k)
		fmt.Fprintf(&list, "\tg%d.Generated(),\n", k)
	}
	main, err := os.ReadFile("testdata/runner.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	l.write(t, "main.go", string(main))
	l.write(t, "packages.go", "package main\n\nimport (\n\tmlrt \"github.com/mlc-go/mlc/runtime\"\n"+imports.String()+")\n\nvar packages = []*mlrt.Generated{\n"+list.String()+"}\n")
	return l, broken
}

// generate writes package k. When the fragments do not compile together, those
// that do not compile alone are left out, so that one does not hide the others.
func (l *lab) generate(t *testing.T, k int, fragments []*golden.Fragment, broken map[*golden.Fragment]error) {
	t.Helper()
	name := fmt.Sprintf("g%d", k)
	p, err := compileModel(strings.ToUpper(name), fragments)
	if err != nil {
		var whole []*golden.Fragment
		for _, f := range fragments {
			if _, err := compileModel("Case", []*golden.Fragment{f}); err != nil {
				broken[f] = err
				continue
			}
			whole = append(whole, f)
		}
		fragments = whole
		if p, err = compileModel(strings.ToUpper(name), fragments); err != nil {
			t.Fatalf("package %s: %v", name, err)
		}
	}
	files, err := codegen.Generate(p, codegen.Options{Package: name})
	if err != nil {
		t.Fatalf("package %s: %v", name, err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name, "_test.go") {
			l.write(t, filepath.Join(name, f.Name), string(f.Data))
		}
	}
	for _, f := range fragments {
		l.where[f] = k
	}
}

func (l *lab) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start builds the runner and starts it.
func (l *lab) start(t *testing.T) *runner {
	t.Helper()
	build := exec.Command("go", "build", "-o", "runner", ".")
	build.Dir, build.Env = l.dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(l.dir, "runner"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // ends the runner, whose state Wait reports
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &runner{cmd, gob.NewEncoder(in), gob.NewDecoder(out)}
}

// TestGeneratedAgainstPyTorch runs every case through generated code.
func TestGeneratedAgainstPyTorch(t *testing.T) {
	dir := refdata.Path(t, "torch-golden")
	cases, err := golden.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	fragments, skipped := golden.Fragments(cases)
	l, broken := newLab(t, fragments)
	r := l.start(t)
	passed := 0
	for _, f := range fragments {
		t.Run(f.Case.Name, func(t *testing.T) {
			if err := broken[f]; err != nil {
				t.Fatal(err)
			}
			arrays, err := f.Case.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			differ, err := f.Check(&generated{r, l.where[f], f.TrainName()}, arrays, golden.Tolerance{Rel: 1e-4, Abs: 1e-5, Rounded: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range differ {
				t.Error(d)
			}
			if len(differ) == 0 {
				passed++
			}
		})
	}
	fmt.Printf("torch-golden: %d passed, %d failed, %d out of scope\n", passed, len(fragments)-passed, len(skipped))
	for _, name := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Printf("  out of scope: %s: %s\n", name, skipped[name])
	}
	for _, f := range fragments {
		for _, name := range slices.Sorted(maps.Keys(f.Null)) {
			fmt.Printf("  through the evaluator only: %s: %s, elements %d to %d\n", f.Case.Name, name, f.Null[name][0], f.Null[name][1]-1)
		}
	}
}

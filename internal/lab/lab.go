// Package lab runs specs in two ways, for tests that compare them: in the float64
// evaluator, and as generated code in a process of its own.
//
// It knows how to build and to start; what to compare is its callers' matter.
package lab

import (
	_ "embed"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Values is a tensor: row-major float64 elements, exact for every element type that
// is used. Booleans are 0 and 1.
type Values struct {
	Shape []int
	Data  []float64
}

// Step returns part i along the first axis; the elements are shared.
func (v Values) Step(i int) Values {
	n := len(v.Data) / v.Shape[0]
	return Values{Shape: v.Shape[1:], Data: v.Data[i*n : (i+1)*n]}
}

// Model is a spec that can be run.
type Model interface {
	// Set gives a stored tensor its value; Get returns it.
	Set(name string, v Values) error
	Get(name string) (Values, error)
	// Step makes update number n (from 1) with a train block's inputs by name and
	// returns the loss.
	Step(train string, n int, feed map[string]Values) (loss float64, err error)
	// Run calls an entry, whose outputs are floats.
	Run(entry string, feed map[string]Values) ([]Values, error)
}

// Compile compiles a spec of one file.
func Compile(text string) (*loop.Program, error) {
	r, diags, err := compiler.Compile(options(text))
	if err == nil && diags.HasErrors() {
		err = diags
	}
	if err != nil {
		return nil, err
	}
	return r.Loop, nil
}

func options(text string) compiler.Options {
	return compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": []byte(text)}, FS: os.DirFS(".")}
}

// Lab is a temporary module of generated packages and the program that runs them.
type Lab struct {
	dir string
	n   int
}

//go:embed runner.go.txt
var runnerSource string

// New starts a module in an empty folder; root is the folder of this repository.
func New(dir, root string) (*Lab, error) {
	l := &Lab{dir: dir}
	if err := l.write("go.mod", "module lab\n\ngo 1.26\n\nrequire github.com/mlc-go/mlc v0.0.0\n\nreplace github.com/mlc-go/mlc => "+root+"\n"); err != nil {
		return nil, err
	}
	return l, l.write("main.go", runnerSource)
}

// Add generates a package and returns its number.
func (l *Lab) Add(p *loop.Program) (int, error) {
	name := fmt.Sprintf("g%d", l.n)
	files, err := codegen.Generate(p, codegen.Options{Package: name})
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name, "_test.go") {
			continue
		}
		if err := l.write(filepath.Join(name, f.Name), string(f.Data)); err != nil {
			return 0, err
		}
	}
	l.n++
	return l.n - 1, nil
}

func (l *Lab) write(name, text string) error {
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// Build compiles the program.
func (l *Lab) Build() error {
	var imports, list strings.Builder
	for k := range l.n {
		fmt.Fprintf(&imports, "\t\"lab/g%d\"\n", k)
		fmt.Fprintf(&list, "\tg%d.Generated(),\n", k)
	}
	text := "package main\n\nimport (\n\tmlrt \"github.com/mlc-go/mlc/runtime\"\n" + imports.String() + ")\n\nvar packages = []*mlrt.Generated{\n" + list.String() + "}\n"
	if err := l.write("packages.go", text); err != nil {
		return err
	}
	// Nobody debugs the program, and its packages are large: the compiler collects less.
	build := exec.Command("go", "build", "-gcflags=lab/...=-dwarf=false", "-ldflags=-s -w", "-o", "runner", ".")
	build.Dir, build.Env = l.dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOGC=400")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Process is a running program; it is for one goroutine.
type Process struct {
	cmd *exec.Cmd
	in  io.Closer
	enc *gob.Encoder
	dec *gob.Decoder
}

// Start runs the program. target forces a path, "avx512", "avx2" or "go"; "" is the
// machine's best one.
func (l *Lab) Start(target string) (*Process, error) {
	cmd := exec.Command(filepath.Join(l.dir, "runner"))
	cmd.Stderr = os.Stderr
	if target != "" {
		cmd.Env = append(os.Environ(), "MLC_TARGET="+target)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Process{cmd, in, gob.NewEncoder(in), gob.NewDecoder(out)}, nil
}

// Close ends the program and returns how it went.
func (p *Process) Close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// The types of the program's protocol; see runner.go.txt.
type (
	request struct {
		Package  int
		Op, Name string
		Step     int
		Value    Values
		Inputs   map[string]Values
	}
	answer struct {
		Values []Values
		Loss   float64
		Error  string
	}
)

func (p *Process) ask(q request) (a answer, err error) {
	if err = p.enc.Encode(q); err == nil {
		err = p.dec.Decode(&a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

// Model is the model of a package.
func (p *Process) Model(pkg int) Model { return generated{p, pkg} }

type generated struct {
	p   *Process
	pkg int
}

func (g generated) Set(name string, v Values) error {
	_, err := g.p.ask(request{Package: g.pkg, Op: "set", Name: name, Value: v})
	return err
}

func (g generated) Get(name string) (Values, error) {
	a, err := g.p.ask(request{Package: g.pkg, Op: "get", Name: name})
	if err != nil {
		return Values{}, err
	}
	return a.Values[0], nil
}

func (g generated) Step(train string, n int, feed map[string]Values) (float64, error) {
	a, err := g.p.ask(request{Package: g.pkg, Op: "step", Name: train, Step: n, Inputs: feed})
	return a.Loss, err
}

func (g generated) Run(entry string, feed map[string]Values) ([]Values, error) {
	a, err := g.p.ask(request{Package: g.pkg, Op: "run", Name: entry, Inputs: feed})
	return a.Values, err
}

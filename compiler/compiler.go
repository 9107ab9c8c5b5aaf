// Package compiler turns a model's file into a loop program: it owns the order
// of the stages and nothing else.
//
// It knows no operation, pass or target by itself. Its invariant is that the
// result depends on the sources, the arguments and the disabled passes alone.
package compiler

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/lower"
	"github.com/mlc-go/mlc/compiler/pass"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Options say what to compile and what to show on the way.
type Options struct {
	File    string            // the model's file, a path in FS when that is set
	FS      fs.FS             // the module's root; nil: found from File
	Overlay map[string][]byte // contents that replace files
	Model   string            // the model to compile when the file has several
	Set     map[string]string // hyper-parameters as literals of the language

	Dump    []string  // passes to print the IR after; also "build", "lower" and "all"
	DumpTo  io.Writer // where dumps go
	Disable []string  // passes to leave out
	CheckIR bool      // verify after every pass and shuffle independent instructions before it
	// OnCrash receives a failed pass's name and the IR before it, as text.
	OnCrash func(pass, text string)
}

// Result is what the stages left. Lint leaves Loop nil; errors in the model
// leave IR nil too.
type Result struct {
	Info *build.Info
	IR   *ir.Program // after the tensor passes, when they ran
	Loop *loop.Program
}

// Lint checks a model without lowering it. Its IR is for reading inputs and checks
// only: build leaves out what can show no further error. Findings about the model
// are in the list; the error is for files that cannot be read.
func Lint(o Options) (*Result, diag.List, error) { return front(o, true) }

// Build checks a model and turns it into tensor IR, without running passes.
// Result.IR is nil when the list has errors.
func Build(o Options) (*Result, diag.List, error) { return front(o, false) }

// front runs the front end. With check it only looks for errors, which is faster.
func front(o Options, check bool) (*Result, diag.List, error) {
	p, info, diags, err := build.Build(build.Options{File: o.File, FS: o.FS, Overlay: o.Overlay, Model: o.Model, Set: o.Set, Check: check})
	return &Result{Info: info, IR: p}, diags, err
}

// Compile runs all stages. When the list has errors, Result.Loop is nil. The
// error is for unreadable files, wrong options, and faults of the compiler, which
// start with "internal error".
func Compile(o Options) (*Result, diag.List, error) {
	po := o.passes("")
	if err := po.Validate(); err != nil {
		return nil, nil, err
	}
	r, diags, err := Build(o)
	if err != nil || diags.HasErrors() || r.IR == nil {
		return r, diags, err
	}
	o.dump("build", func() string { return ir.Print(r.IR) })
	if err := o.stages(r, po); err != nil {
		o.crashed(err)
		return r, diags, err
	}
	return r, diags, nil
}

func (o Options) passes(until string) pass.Options {
	return pass.Options{Dump: o.Dump, DumpTo: o.DumpTo, Disable: o.Disable, Check: o.CheckIR, Until: until}
}

// stages runs all stages but the front end.
func (o Options) stages(r *Result, po pass.Options) (err error) {
	if err := pass.RunTensor(r.IR, po); err != nil {
		return err
	}
	if r.Loop, err = lowerGuarded(r); err != nil {
		return &pass.Failure{Pass: "lower", Err: err}
	}
	o.dump("lower", func() string { return loop.Print(r.Loop) })
	return pass.RunLoop(r.Loop, po)
}

// crashed hands over the IR before a stage that failed. It compiles once more up to
// there: nobody waits for the text where no stage fails.
func (o Options) crashed(err error) {
	var f *pass.Failure
	if o.OnCrash == nil || !errors.As(err, &f) {
		return
	}
	o.Dump, o.DumpTo = nil, nil
	r, _, err := Build(o)
	if err != nil || r.IR == nil {
		return
	}
	po := o.passes(f.Pass)
	if f.Pass == "lower" || pass.IsTensor(f.Pass) {
		if pass.RunTensor(r.IR, po) == nil {
			o.OnCrash(f.Pass, ir.Print(r.IR))
		}
	} else if o.stages(r, po) == nil {
		o.OnCrash(f.Pass, loop.Print(r.Loop))
	}
}

// lowerGuarded lowers the program; a panic is reported as a fault of the compiler.
func lowerGuarded(r *Result) (p *loop.Program, err error) {
	defer func() {
		if e := recover(); e != nil {
			p, err = nil, fmt.Errorf("lowering panicked: %v", e)
		}
		if err != nil {
			err = fmt.Errorf("internal error: %w", err)
		}
	}()
	p, err = lower.Lower(r.IR, lines(r.Info.Sources))
	if err == nil {
		err = loop.Verify(p)
	}
	return p, err
}

// lines returns a function that finds the line of a place in the sources.
func lines(sources diag.Sources) func(diag.Span) int {
	seen := map[diag.Span]int{}
	return func(s diag.Span) int {
		src, ok := sources[s.File]
		if s.IsZero() || !ok {
			return 0
		}
		n, known := seen[s]
		if !known {
			n, _ = diag.Position(src, s.Start)
			seen[s] = n
		}
		return n
	}
}

func (o Options) dump(stage string, text func() string) {
	if o.DumpTo != nil && (slices.Contains(o.Dump, stage) || slices.Contains(o.Dump, "all")) {
		fmt.Fprintf(o.DumpTo, "// after %s\n%s", stage, text())
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	mlc "github.com/mlc-go/mlc"
	"github.com/mlc-go/mlc/cmd/mlc/internal/runner"
	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// modelFlags are the flags of verbs that run a model.
type modelFlags struct {
	spec    specFlags
	format  string
	threads int
	target  string
}

func (f *modelFlags) register(c *cobra.Command, format string) {
	fl := c.Flags()
	f.spec.register(c)
	fl.StringVar(&f.format, "format", format, "text, or json: one object a line")
	fl.IntVar(&f.threads, "threads", 0, "threads; the result does not depend on them (default: all cores)")
	fl.StringVar(&f.target, "target", "", "force a code path: go, avx2 or avx512 (default: the best)")
}

func (f *modelFlags) check() error {
	if f.format != "text" && f.format != "json" {
		return usage("--format is text or json here, not %q", f.format)
	}
	if f.threads < 0 {
		return usage("--threads must not be negative")
	}
	switch f.target {
	case "", "go", "avx2", "avx512":
		return nil
	}
	return usage("--target is go, avx2 or avx512, not %q", f.target)
}

// model is a compiled model that can be run.
type model struct {
	in    input
	info  mlrt.Info   // name, entries and train blocks
	at    []diag.Span // of the train blocks
	ir    *ir.Program
	loop  *loop.Program
	files []runner.File
}

// model compiles the model that the arguments name and generates its package.
func (a *app) model(args []string, f modelFlags) (*model, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	in, err := a.one(args)
	if err != nil {
		return nil, err
	}
	a.choose(&in, f.spec)
	r, err := a.reporter("text")
	if err != nil {
		return nil, err
	}
	m := &model{in: in}
	res, err := a.compile(in, f.spec, debugFlags{}, r)
	if err != nil {
		return nil, err
	}
	if res != nil {
		files, err := generate(res, in, codegen.Options{Package: runner.Package}, r)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			m.files = append(m.files, runner.File{Name: file.path, Text: file.text})
		}
		m.ir, m.loop = res.IR, res.Loop
		m.info, m.at = interfaceOf(m.ir)
	}
	return m, r.flush()
}

// interfaceOf returns what a caller must know of a program, and the places of
// its train blocks.
func interfaceOf(p *ir.Program) (info mlrt.Info, at []diag.Span) {
	info = mlrt.Info{Name: p.Name, File: p.File}
	for _, e := range p.Entries {
		f := mlrt.FuncInfo{Name: e.Name}
		for _, in := range e.Inputs {
			f.Inputs = append(f.Inputs, fieldOf(in.Name, in.Value.Type))
		}
		for _, out := range e.Outputs {
			f.Outputs = append(f.Outputs, fieldOf(out.Name, out.Value.Type))
		}
		for _, m := range e.Metrics {
			f.Metrics = append(f.Metrics, m.Name)
		}
		switch e.Kind {
		case ir.Forward:
			info.Entries = append(info.Entries, f)
		case ir.Train:
			info.Trains, at = append(info.Trains, f), append(at, e.Pos)
		}
	}
	return info, at
}

// probability returns the output of the entry called name that ends in a
// sigmoid, "" when it has none or several outputs.
func (m *model) probability(name string) string {
	for _, e := range m.ir.Entries {
		if e.Kind != ir.Forward || e.Name != name || len(e.Outputs) != 1 {
			continue
		}
		if def := e.Outputs[0].Value.Def; def != nil {
			if fn, ok := def.Op.(op.Elementwise); ok && fn.Fn == "sigmoid" {
				return e.Outputs[0].Name
			}
		}
	}
	return ""
}

// place returns where the train block called name stands, and the file alone
// for other jobs.
func (m *model) place(name string) diag.Span {
	if i, err := train.FindBlock(&m.info, name); err == nil && m.at[i].File == m.in.path {
		return m.at[i]
	}
	return diag.Span{File: m.in.path}
}

// dtypes are the runtime's element types of the compiler's.
var dtypes = map[string]mlrt.DType{
	"float64": mlrt.Float64, "float32": mlrt.Float32, "bfloat16": mlrt.BFloat16, "float16": mlrt.Float16,
	"int64": mlrt.Int64, "int32": mlrt.Int32, "int16": mlrt.Int16, "int8": mlrt.Int8, "uint8": mlrt.Uint8, "bool": mlrt.Bool,
}

func fieldOf(name string, t ir.Type) mlrt.Field {
	f := mlrt.Field{Name: name, DType: dtypes[t.DType.String()]}
	for _, d := range t.Shape {
		f.Shape = append(f.Shape, dimOf(d))
	}
	return f
}

func dimOf(d dim.Dim) mlrt.Dim {
	if n, ok := d.Int(); ok {
		return mlrt.Dim{Size: int(n)}
	}
	return mlrt.Dim{Name: d.String()}
}

// runModel builds the model's program and has it do the job. Events go to on,
// and with --format json to standard output, all but those that come some times
// a second. A job that failed becomes a diagnostic or a failure.
func (a *app) runModel(ctx context.Context, m *model, f modelFlags, job train.Job, on func(train.Event)) error {
	job.Threads, job.Target = f.threads, f.target
	line, err := json.Marshal(job)
	if err != nil {
		return failure(err)
	}
	program, err := a.buildProgram(ctx, m)
	if err != nil {
		return err
	}
	var failed *train.Failed
	code, err := runner.Run(ctx, program, line, func(line []byte) error {
		e, err := train.DecodeEvent(line)
		if err != nil {
			return fmt.Errorf("the model's program wrote %q: %w", line, err)
		}
		on(e)
		switch e := e.(type) {
		case train.Failed:
			failed = &e
		case train.Warned:
			fmt.Fprintln(a.stderr, "mlc: warning:", e.Message)
		case train.Progress:
			return nil
		}
		if f.format == "json" {
			_, err = fmt.Fprintf(a.stdout, "%s\n", line)
		}
		return err
	})
	switch {
	case err != nil:
		return failure(err)
	case failed != nil && failed.Code != "":
		return a.failedFinding(m.blame(diag.Code(failed.Code), job), failed)
	case failed != nil:
		return failure(errors.New(failed.Message))
	case code != exitOK:
		return &exitError{code: code}
	}
	return nil
}

// buildProgram returns the model's program, telling when it takes time.
func (a *app) buildProgram(ctx context.Context, m *model) (string, error) {
	var begin time.Time
	program, err := runner.Build(ctx, mlc.Sources, m.files, func() {
		begin = time.Now()
		a.remark("compiling %s", m.in.path)
	})
	switch {
	case ctx.Err() != nil:
		return "", errInterrupted
	case err != nil:
		return "", failure(err)
	case !begin.IsZero():
		a.remark("compiled in %.1f s", time.Since(begin).Seconds())
	}
	return program, nil
}

// blame returns the place that a job's failure is about: a file for damage, the
// train block for what does not fit the model.
func (m *model) blame(code diag.Code, job train.Job) diag.Span {
	switch code {
	case diag.DataDamaged:
		return diag.Span{File: job.Data.Path}
	case diag.WeightsDamaged, diag.WeightsMismatch:
		return diag.Span{File: job.Weights}
	case diag.BadCheckpoint, diag.CannotRead:
		return diag.Span{}
	}
	return m.place(job.Block)
}

// failedFinding reports a job's failure as a diagnostic about the train block.
func (a *app) failedFinding(at diag.Span, f *train.Failed) error {
	message, notes, _ := strings.Cut(f.Message, "\n")
	d := diag.New(diag.Code(f.Code), at, "%s", message)
	for note := range strings.Lines(notes) {
		if help, ok := strings.CutPrefix(strings.TrimSpace(note), "help: "); ok {
			d.HelpText("%s", help)
			continue
		}
		d.Note("%s", strings.TrimSpace(note))
	}
	r, err := a.reporter("text")
	if err != nil {
		return err
	}
	r.add(diag.List{d}, nil)
	return r.flush()
}

// remark tells what takes time, unless the user wants quiet.
func (a *app) remark(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// runFolder is where a model's runs are kept unless the user says.
func runFolder(m *model) string { return filepath.Join("runs", m.info.Name) }

package build

import (
	"errors"
	"io/fs"
	"sort"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// maxSteps bounds the operations a model expands to, and the statements it runs.
const maxSteps = 1_000_000

// Options says what to build.
type Options struct {
	// File is the model's file. With FS set it is a path in it.
	File string
	// FS is the module's root. When nil, the directory above File that holds a
	// go.mod or repository is opened; no file outside of it can be read.
	FS fs.FS
	// Overlay replaces the contents of files, by the name in File or the path
	// below the root.
	Overlay map[string][]byte
	// Model names the model to build; it may be empty when the file has one.
	Model string
	// Check only looks for errors: work that can find none that were not found
	// before is left out, so the program lacks the inference forms of train blocks
	// and most optimizer updates.
	Check bool
	// Set overrides arguments of the model with literals of the language.
	Set map[string]string
}

// evaluator runs a model's text. It is used by one goroutine for one build.
type evaluator struct {
	opt   *Options
	diags diag.List
	// reported holds code and place of every error, so that a block used twelve
	// times reports once.
	reported map[reportKey]bool
	loader   *loader
	words    map[string]*callable
	preludes map[string]*source

	prog  *ir.Program
	model *callable
	root  *instance
	vars  []*variable
	// stored finds parameters and buffers by their stored names.
	stored map[string]*variable
	// The initial values of the model and of optimizers, built as variables are
	// declared.
	init, initState *entryState
	en              *entryState // the entry being built
	steps           int
	stop            bool // after exceeding maxSteps

	// standIn is the name of the tensor that layers stand for while an update of a
	// whole layer is evaluated.
	standIn string
	// site is the user's place while library code runs.
	site     diag.Span
	stack    []activation
	remat    int
	info     *Info
	uses     usage
	rows     []*instance // of info.Layers
	copies   []copied
	initials map[initialKey]bool
	sizes    map[*scalar.Expr]int  // nodes of host scalars
	states   map[string]*unitState // by prefix of stored names
	numbers  map[string]number     // literals by their text
	texts    map[diag.Span]string  // readable origins by their place
	madeBy   map[*ir.Value]string  // the library word that gave a value
}

type reportKey struct {
	code diag.Code
	at   diag.Span
}

// activation is a unit or function that is being run.
type activation struct {
	callee *callable
	call   diag.Span
}

// Build compiles a model's file to the tensor IR. The program is nil when there
// are errors; the Info is never nil. A file that cannot be read is an error
// without diagnostics.
func Build(opt Options) (*ir.Program, *Info, diag.List, error) {
	e := &evaluator{opt: &opt, reported: map[reportKey]bool{}, words: map[string]*callable{}, preludes: map[string]*source{},
		info: &Info{Sources: diag.Sources{}}, uses: newUsage(),
		states: map[string]*unitState{}, stored: map[string]*variable{}, numbers: map[string]number{}, texts: map[diag.Span]string{}, initials: map[initialKey]bool{}, sizes: map[*scalar.Expr]int{}, madeBy: map[*ir.Value]string{}}
	l, rel, done, err := newLoader(&opt, &e.diags)
	if err != nil {
		return nil, e.info, nil, err
	}
	defer done()
	e.loader = l
	src, err := l.main(opt.File, rel)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = &fs.PathError{Op: "read", Path: opt.File, Err: pe.Err}
		}
		return nil, e.info, nil, err
	}
	if !e.diags.HasErrors() {
		e.program(src)
	}
	for _, s := range l.order {
		e.info.Sources[s.name] = s.src
		e.info.Files = append(e.info.Files, s.rel)
	}
	for name, s := range e.preludes {
		e.info.Sources[name] = s.src
	}
	e.storable()
	e.lint(src)
	diags := e.diags.Sorted()
	if diags.HasErrors() || e.prog == nil {
		return nil, e.info, diags, nil
	}
	e.summarize()
	return e.prog, e.info, diags, nil
}

// program builds the chosen model.
func (e *evaluator) program(src *source) {
	d := e.choose(src)
	if d == nil {
		return
	}
	e.model = src.decls[d.Unit.Name.Name]
	e.info.Model = e.model.name
	e.prog = &ir.Program{Name: e.model.name, Doc: d.Doc, File: baseName(src.name)}
	e.runModel()
}

// choose finds the model to build.
func (e *evaluator) choose(src *source) *dsl.Decl {
	var models []*dsl.Decl
	var names []string
	for _, d := range src.ast.Decls {
		if d.Kind == "model" && d.Unit != nil {
			models = append(models, d)
			names = append(names, d.Unit.Name.Name)
			if e.opt.Model == d.Unit.Name.Name {
				return d
			}
		}
	}
	at := diag.Span{File: src.name}
	switch {
	case e.opt.Model != "":
		d := diag.New(diag.UnknownModel, at, "there is no model %s", e.opt.Model)
		if s := diag.Suggest(e.opt.Model, names); s != "" {
			d.HelpText("did you mean %s?", s)
		}
		e.add(d)
	case len(models) == 0:
		e.add(diag.New(diag.MissingModel, at, "the file has no model").HelpText("a file of blocks and functions is there to be imported"))
	default:
		return models[0]
	}
	return nil
}

// add reports a diagnostic once for its place.
func (e *evaluator) add(d *diag.Diagnostic) {
	key := reportKey{d.Code, d.Primary.Span}
	if e.reported[key] {
		return
	}
	e.reported[key] = true
	e.diags.Add(d)
}

// report reports an error at the user's text: an error inside the library is
// moved to the call that led there, with a note into the library.
func (e *evaluator) report(code diag.Code, at diag.Span, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, at, format, args...)
	if e.isPrelude(at.File) || at.IsZero() {
		d.Primary.Span = e.site
		if !at.IsZero() {
			d.Also(at, "in the library's definition")
		}
	}
	n := 0
	for i := len(e.stack) - 1; i >= 0 && n < 3; i-- {
		a := e.stack[i]
		if a.callee.inPrelude() || a.call.IsZero() || a.call == d.Primary.Span || e.isPrelude(a.call.File) {
			continue
		}
		d.Also(a.call, "in this use of "+a.callee.name)
		n++
	}
	e.add(d)
	return d
}

func (e *evaluator) isPrelude(file string) bool { _, ok := e.preludes[file]; return ok }

// userSpan is at, or the user's call when at lies in the library.
func (e *evaluator) userSpan(at diag.Span) diag.Span {
	if e.isPrelude(at.File) || at.IsZero() {
		return e.site
	}
	return at
}

// step counts one unit of work and reports when there was too much of it.
func (e *evaluator) step(at diag.Span) bool {
	e.steps++
	if e.steps <= maxSteps {
		return true
	}
	if !e.stop {
		e.stop = true
		e.report(diag.ExpansionTooLarge, at, "the model expands to more than %d operations", maxSteps).
			HelpText("loops of `for` run when the model is compiled; use `scan` for a recurrence over data")
	}
	return false
}

// Words lists the words of the library: those written in the language and the
// compiler's intrinsics, sorted.
func Words() []string {
	names := prelude.Words()
	for name := range intrinsicTable() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func baseName(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' || p[i] == '\\' {
			return p[i+1:]
		}
	}
	return p
}

// tooLarge reports whether a tensor of the type has more bytes than a machine
// can address, taking symbols as one.
func tooLarge(t ir.Type) bool {
	bytes := float64(t.DType.Size())
	for _, d := range t.Shape {
		if d.Overflow() {
			return true
		}
		if n, ok := d.Min(); ok && n > 1 {
			bytes *= float64(n)
		}
	}
	return bytes > 1<<47
}

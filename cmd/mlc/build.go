package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/mlc-go/mlc/cmd/mlc/internal/textdiff"
	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/dsl/diag"
)

// buildFlags are the flags of `mlc build`.
type buildFlags struct {
	spec       specFlags
	debug      debugFlags
	out        string
	pkg        string
	check      bool
	diff       bool
	stdout     bool
	report     bool
	only       string
	standalone bool
	weights    weightFlags
	format     string
}

func newBuild(a *app) *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:     "build [FILE|DIR|./...|-]…",
		Aliases: []string{"generate"},
		Short:   "Generate Go packages from models",
		RunE:    func(c *cobra.Command, args []string) error { return a.build(c.Context(), args, f) },
	}
	f.register(c)
	c.Flags().BoolVar(&f.check, "check", false, "write nothing, exit 1 when code on disk is stale; a model found in a folder that has none is passed over")
	c.Flags().BoolVarP(&f.diff, "diff", "d", false, "write nothing, print what would change")
	c.Flags().BoolVar(&f.stdout, "stdout", false, "write nothing, print the files as a txtar archive")
	c.Flags().BoolVar(&f.report, "report", false, "print the kernels with their tiles, the arenas and the code's size")
	c.Flags().StringSliceVar(&f.debug.dump, "dump", nil, "write nothing, print the program after these passes, or after all")
	return c
}

func newDiff(a *app) *cobra.Command {
	f := buildFlags{check: true, diff: true}
	c := &cobra.Command{
		Use:   "diff [FILE|DIR|./...]…",
		Short: "Show how code on disk differs from its model: build --check --diff",
		RunE:  func(c *cobra.Command, args []string) error { return a.build(c.Context(), args, f) },
	}
	f.register(c)
	return c
}

func (f *buildFlags) register(c *cobra.Command) {
	fl := c.Flags()
	f.spec.register(c)
	fl.StringVarP(&f.out, "out", "o", "", "folder of the generated package (default: that of the model)")
	fl.StringVar(&f.pkg, "package", "", "name of the generated package (default: that of the folder)")
	fl.StringSliceVar(&f.debug.disable, "disable", nil, "leave out these passes")
	fl.BoolVar(&f.debug.checkIR, "check-ir", false, "verify the program after every pass")
	fl.StringVar(&f.only, "only", "", "forward: generate inference alone")
	fl.BoolVar(&f.standalone, "standalone", false, "copy the runtime into the package, which then imports the standard library alone")
	f.weights.register(c, "embed: the package carries the weights file beside it; a safetensors `file`: it carries these; file: none")
	fl.StringVar(&f.format, "format", "text", "form of diagnostics: "+strings.Join(diag.Formats(), ", "))
}

// foreign reports whether the package carries the weights of another file.
func (f *buildFlags) foreign() bool {
	return f.weights.path != "" && f.weights.path != "embed" && f.weights.path != "file"
}

// buildJob is one model to build and where its package goes.
type buildJob struct {
	in    input
	dir   string
	files []outFile
	loop  *loop.Program
	stale []string // generated files of earlier builds that this one does not make
}

func (a *app) build(ctx context.Context, args []string, f buildFlags) error {
	if f.only != "" && f.only != "forward" {
		return usage("--only takes forward, not %q", f.only)
	}
	if !f.foreign() && (f.weights.partial || len(f.weights.maps) > 0) {
		return usage("--map and --partial need --weights with a safetensors file")
	}
	list, err := a.inputs(args)
	if err != nil {
		return err
	}
	r, err := a.reporter(f.format)
	if err != nil {
		return err
	}
	var jobs []buildJob
	for _, in := range list {
		if f.check && !in.named && f.out == "" && !generatedBefore(in) {
			continue // nobody keeps generated code of a model that a folder merely holds
		}
		if !in.named && in.library() {
			continue // found among others
		}
		job, err := a.plan(in, f, r)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		if job != nil {
			jobs = append(jobs, *job)
		}
	}
	if err := crowded(jobs); err != nil && !f.stdout {
		return err
	}
	if f.check && !r.list.HasErrors() {
		for _, j := range jobs {
			a.stale(j, r)
		}
	}
	if f.diff && !slices.ContainsFunc(r.list, func(d *diag.Diagnostic) bool { return d.Severity == diag.Error && d.Code != diag.StaleCode }) {
		for _, j := range jobs {
			a.printDiff(j)
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	if f.report {
		for _, j := range jobs {
			fmt.Fprint(a.stdout, kernelReport(j.loop, j.files))
		}
	}
	switch {
	case f.check || f.diff || len(f.debug.dump) > 0:
		return nil
	case f.stdout:
		return a.printFiles(jobs)
	}
	return a.writeJobs(ctx, jobs)
}

// crowded refuses models whose packages would lie in one folder, where their
// names would be declared twice.
func crowded(jobs []buildJob) error {
	first := map[string]string{}
	for _, j := range jobs {
		dir := filepath.Clean(j.dir)
		if other, ok := first[dir]; ok {
			return usage("%s and %s would both be packages in the folder %s, which holds one: give each a folder, or build one by its name with -o", other, j.in.path, dir)
		}
		first[dir] = j.in.path
	}
	return nil
}

// plan compiles one model and says what would be written; a nil job means that
// the model has errors or was only dumped.
func (a *app) plan(in input, f buildFlags, r *reporter) (*buildJob, error) {
	a.choose(&in, f.spec)
	res, err := a.compile(in, f.spec, f.debug, r)
	if res == nil || len(f.debug.dump) > 0 {
		return nil, err
	}
	job := &buildJob{in: in, dir: f.out, loop: res.Loop}
	if job.dir == "" {
		job.dir = filepath.Dir(in.path)
	}
	if in.stdin && f.out == "" && !f.stdout {
		return nil, usage("a model from standard input needs -o DIR or --stdout")
	}
	o := codegen.Options{Package: f.pkg, ForwardOnly: f.only != "", Embed: f.weights.path == "embed" || f.foreign()}
	if o.Package == "" {
		if o.Package, err = packageName(job.dir); err != nil {
			return nil, err
		}
	}
	if f.standalone {
		if o.RuntimePath, job.files, err = standalone(job.dir); err != nil {
			return nil, err
		}
	}
	files, err := generate(res, in, o, r)
	if files == nil {
		return nil, err
	}
	for _, file := range files {
		job.files = append(job.files, outFile{filepath.Join(job.dir, file.path), file.text})
	}
	if f.foreign() {
		carried, err := f.weights.embedded(res.IR, job.dir, sourceName(in), r)
		if carried == nil {
			return nil, err
		}
		job.files = append(job.files, *carried)
	}
	job.stale = orphans(job.dir, sourceName(in), job.files)
	return job, a.checkForeign(job, r)
}

// checkForeign reports files in the way that mlc did not write.
func (a *app) checkForeign(job *buildJob, r *reporter) error {
	for _, file := range job.files {
		old, err := os.ReadFile(file.path)
		switch {
		case err == nil && !isGenerated(old) && !bytes.Contains(old, []byte(weightsMark)):
			r.add(diag.List{diag.New(diag.ForeignFile, diag.Span{File: file.path}, "%s is in the way: mlc did not write it", file.path)}, nil)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return failure(err)
		}
	}
	return nil
}

// sourceName is the base name that the generated files are called after.
func sourceName(in input) string {
	if in.stdin {
		return "net.ml"
	}
	return filepath.Base(in.path)
}

// generatedBefore reports whether the folder of a model holds files that mlc
// generated from it.
func generatedBefore(in input) bool {
	return len(orphans(filepath.Dir(in.path), sourceName(in), nil)) > 0
}

// orphans returns the files in dir that mlc generated from the model called
// source and that are not among files, sorted.
func orphans(dir, source string, files []outFile) []string {
	header := "// Code generated by mlc from " + source + ". DO NOT EDIT."
	var list []string
	entries, _ := os.ReadDir(dir) // a folder that does not exist holds none
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		ext := filepath.Ext(path)
		if ext != ".go" && ext != ".s" || slices.ContainsFunc(files, func(f outFile) bool { return f.path == path }) {
			continue
		}
		if text, err := os.ReadFile(path); err == nil && headerOf(text) == header {
			list = append(list, path)
		}
	}
	return list
}

// stale reports the files on disk that differ from what the model gives.
func (a *app) stale(j buildJob, r *reporter) {
	command := "mlc build " + j.in.path
	if len(j.files) > 0 && filepath.Dir(j.files[0].path) != filepath.Dir(j.in.path) {
		command += " -o " + filepath.Dir(j.files[0].path)
	}
	report := func(path, what string) {
		r.add(diag.List{diag.New(diag.StaleCode, diag.Span{File: path}, "%s", what).HelpText("run `%s`", command)}, nil)
	}
	for _, f := range j.files {
		old, err := os.ReadFile(f.path)
		switch {
		case err != nil:
			report(f.path, fmt.Sprintf("%s is missing", f.path))
		case !bytes.Equal(old, f.text):
			report(f.path, fmt.Sprintf("%s is stale", f.path))
		}
	}
	for _, path := range j.stale {
		report(path, fmt.Sprintf("%s is left from an earlier build", path))
	}
}

func (a *app) printDiff(j buildJob) {
	for _, f := range j.files {
		if isWeights(f.path) {
			continue
		}
		old, _ := os.ReadFile(f.path) // a missing file is empty
		fmt.Fprint(a.stdout, textdiff.Unified(f.path, f.path, string(old), string(f.text)))
	}
	for _, path := range j.stale {
		old, _ := os.ReadFile(path)
		fmt.Fprint(a.stdout, textdiff.Unified(path, path, string(old), ""))
	}
}

func (a *app) printFiles(jobs []buildJob) error {
	var archive txtar.Archive
	for _, j := range jobs {
		for _, f := range j.files {
			if isWeights(f.path) {
				continue
			}
			archive.Files = append(archive.Files, txtar.File{Name: filepath.ToSlash(f.path), Data: f.text})
		}
	}
	if _, err := a.stdout.Write(txtar.Format(&archive)); err != nil {
		return failure(err)
	}
	return nil
}

// writeJobs writes all packages and removes what earlier builds left.
func (a *app) writeJobs(ctx context.Context, jobs []buildJob) error {
	var files []outFile
	for _, j := range jobs {
		files = append(files, j.files...)
	}
	written, err := writeAll(ctx, files)
	if err != nil {
		return err
	}
	if a.verbose {
		for _, path := range written {
			fmt.Fprintln(a.stderr, "wrote", path)
		}
	}
	for _, j := range jobs {
		for _, path := range j.stale {
			if err := os.Remove(path); err != nil {
				return failure(err)
			}
		}
	}
	return nil
}

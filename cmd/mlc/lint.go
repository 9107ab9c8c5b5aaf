package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl/diag"
)

// lintFlags are the flags of `mlc lint`.
type lintFlags struct {
	spec      specFlags
	with      []string
	format    string
	werror    bool
	maxErrors int
	listRules bool
	fix       bool
}

func newLint(a *app) *cobra.Command {
	var f lintFlags
	c := &cobra.Command{
		Use:     "lint [FILE|DIR|./...|-]…",
		Aliases: []string{"vet"},
		Short:   "Check syntax, names, kinds and shapes; write nothing",
		Long: `Lint checks models and writes nothing. With --format text or short findings go
to standard error, with the other forms to standard output. Of a file without a
model, which others import, the syntax is checked. With --verbose it
lists the conditions that are left to run time.`,
		RunE: func(c *cobra.Command, args []string) error { return a.lint(c.Context(), args, f) },
	}
	fl := c.Flags()
	f.spec.register(c)
	fl.StringSliceVar(&f.with, "with", nil, "`name=size`: check for this size of a dimension, such as batch=32")
	fl.StringVar(&f.format, "format", "text", "form of the report: "+strings.Join(diag.Formats(), ", "))
	fl.BoolVar(&f.werror, "werror", false, "warnings count as errors")
	fl.IntVar(&f.maxErrors, "max-errors", 50, "findings shown; 0 for all")
	fl.BoolVar(&f.fix, "fix", false, "apply the fixes that findings propose, then check again")
	fl.BoolVar(&f.listRules, "list-rules", false, "list the codes and exit")
	return c
}

func (a *app) lint(ctx context.Context, args []string, f lintFlags) error {
	if f.listRules {
		for _, info := range diag.Codes() {
			fmt.Fprintf(a.stdout, "%s  %-7s  %s\n", info.Code, info.Severity, info.Title)
		}
		return nil
	}
	sizes, err := parseSizes(f.with)
	if err != nil {
		return err
	}
	r, err := a.lintAll(args, f, sizes)
	if err != nil {
		return err
	}
	if changed := fixes(r.list, onDisk(r.sources)); f.fix && len(changed) > 0 {
		if slices.Contains(args, "-") {
			return usage("--fix needs files, not standard input")
		}
		if _, err := writeAll(ctx, changed); err != nil {
			return err
		}
		if r, err = a.lintAll(args, f, sizes); err != nil {
			return err
		}
	}
	return r.flush()
}

// lintAll checks the specs that the arguments name.
func (a *app) lintAll(args []string, f lintFlags, sizes map[string]int64) (*reporter, error) {
	r, err := a.reporter(f.format)
	if err != nil {
		return nil, err
	}
	r.werror, r.limit = f.werror, f.maxErrors
	list, err := a.inputs(args)
	if err != nil {
		return nil, err
	}
	for _, in := range list {
		if in.library() {
			continue // its syntax is right; the models that import it check the rest
		}
		for _, name := range f.models(&in) {
			spec := f.spec
			spec.model = name
			res, err := a.check(in, spec, r)
			if err != nil {
				return nil, err
			}
			if res == nil {
				continue
			}
			r.add(checkSizes(res.IR, sizes, f.with), nil)
			if a.verbose {
				a.listChecks(in, res.IR)
			}
		}
	}
	return r, nil
}

// models returns the models of a spec to check: all, unless the flags speak of
// one. "" is the first or only one.
func (f *lintFlags) models(in *input) []string {
	if f.spec.model != "" || len(f.spec.set) > 0 {
		return []string{f.spec.model}
	}
	if names := in.models(); len(names) > 1 {
		return names
	}
	return []string{""}
}

// parseSizes reads the values of --with.
func parseSizes(with []string) (map[string]int64, error) {
	sizes := map[string]int64{}
	for _, w := range with {
		name, text, ok := strings.Cut(w, "=")
		n, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil || n < 0 {
			return nil, usage("--with takes name=size, not %q", w)
		}
		sizes[name] = n
	}
	return sizes, nil
}

// checkSizes evaluates the conditions that are left to run time and whose
// dimensions all have a size.
func checkSizes(p *ir.Program, sizes map[string]int64, with []string) (list diag.List) {
	if len(sizes) == 0 {
		return nil
	}
	for _, e := range p.Entries {
		for _, c := range e.Checks {
			v, err := c.Cond.Eval(scalar.Env{Dims: sizes})
			if err != nil || v != 0 {
				continue // a dimension without a size, or the condition holds
			}
			list.Add(diag.New(diag.ShapeMismatch, c.Pos, "%s", c.Message).Note("checked for %s", strings.Join(with, " ")))
		}
	}
	return list
}

// listChecks prints the conditions that are left to run time.
func (a *app) listChecks(in input, p *ir.Program) {
	for _, e := range p.Entries {
		for _, c := range e.Checks {
			line, col := diag.Position(in.text, c.Pos.Start)
			if c.Pos.File != in.path {
				line, col = 0, 0
			}
			fmt.Fprintf(a.stderr, "%s:%d:%d: checked when %s is called: %s (%s)\n", c.Pos.File, line, col, e.Name, c.Message, c.Cond)
		}
	}
}

package main

import (
	"os"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/dsl/diag"
)

// reporter collects the diagnostics of a command and renders them once.
type reporter struct {
	a       *app
	format  string // text and short go to standard error, the others to standard output
	werror  bool
	limit   int // diagnostics shown; 0: all
	list    diag.List
	sources diag.Sources
}

func (a *app) reporter(format string) (*reporter, error) {
	if !slices.Contains(diag.Formats(), format) {
		return nil, usage("unknown report format %q, there are: %s", format, strings.Join(diag.Formats(), ", "))
	}
	return &reporter{a: a, format: format, sources: diag.Sources{}}, nil
}

// add collects diagnostics and the texts they point into.
func (r *reporter) add(list diag.List, sources diag.Sources) {
	r.list.Add(list...)
	for name, text := range sources {
		r.sources[name] = text
	}
}

// flush renders what was collected and returns errFindings when an error, or
// under --werror a warning, is among it.
func (r *reporter) flush() error {
	list := r.list.Sorted()
	r.loadSources(list)
	if r.limit > 0 && len(list) > r.limit {
		list = list[:r.limit]
	}
	w := r.a.stderr
	if r.format != "text" && r.format != "short" {
		w = r.a.stdout
	}
	if err := diag.Render(w, r.format, list, r.sources, r.a.renderOptions(w)); err != nil {
		return failure(err)
	}
	found := list.HasErrors() || r.werror && slices.ContainsFunc(list, func(d *diag.Diagnostic) bool { return d.Severity == diag.Warning })
	if found {
		return errFindings
	}
	return nil
}

// loadSources reads the imported files that diagnostics point into.
func (r *reporter) loadSources(list diag.List) {
	load := func(s diag.Span) {
		if _, ok := r.sources[s.File]; ok || !strings.HasSuffix(s.File, ".ml") {
			return // read already, or a file without lines: data, weights, generated code
		}
		if text, err := os.ReadFile(s.File); err == nil {
			r.sources[s.File] = text
		}
	}
	for _, d := range list {
		load(d.Primary.Span)
		for _, l := range d.Related {
			load(l.Span)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"slices"

	"github.com/mlc-go/mlc/dsl/diag"
)

// fixes returns the files changed by the first fix of each finding. Fixes that
// overlap one applied before, or lie in files outside of sources, are left out.
func fixes(list diag.List, sources diag.Sources) []outFile {
	var edits []diag.Edit
	for _, d := range list.Sorted() {
		if len(d.Fixes) == 0 {
			continue
		}
		mine := d.Fixes[0].Edits
		clash := slices.ContainsFunc(mine, func(e diag.Edit) bool {
			_, known := sources[e.Span.File]
			return !known || slices.ContainsFunc(edits, func(f diag.Edit) bool { return overlap(e.Span, f.Span) })
		})
		if !clash {
			edits = append(edits, mine...)
		}
	}
	// From the end, so that offsets stay right.
	slices.SortStableFunc(edits, func(a, b diag.Edit) int { return b.Span.Start - a.Span.Start })
	var files []outFile
	for _, e := range edits {
		i := slices.IndexFunc(files, func(f outFile) bool { return f.path == e.Span.File })
		if i < 0 {
			files = append(files, outFile{e.Span.File, slices.Clone(sources[e.Span.File])})
			i = len(files) - 1
		}
		files[i].text = slices.Replace(files[i].text, e.Span.Start, e.Span.End, []byte(e.New)...)
	}
	return files
}

// onDisk returns the sources that are files as they stand: neither the prelude
// nor standard input.
func onDisk(sources diag.Sources) diag.Sources {
	files := diag.Sources{}
	for name, text := range sources {
		if have, err := os.ReadFile(name); err == nil && bytes.Equal(have, text) {
			files[name] = text
		}
	}
	return files
}

func overlap(a, b diag.Span) bool {
	return a.File == b.File && a.Start <= b.End && b.Start <= a.End
}

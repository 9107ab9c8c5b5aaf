package build_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/dsl/diag"
)

var expectation = regexp.MustCompile(`// ERROR "(.*)"`)

// TestErrors builds the files of testdata/errors. A line that ends in
// // ERROR "regexp" has exactly one error, whose message with its related places,
// notes and help matches; other lines have none.
func TestErrors(t *testing.T) {
	paths, err := filepath.Glob("testdata/errors/*.ml")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".ml"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int]*regexp.Regexp{}
			for i, line := range strings.Split(string(src), "\n") {
				if m := expectation.FindStringSubmatch(line); m != nil {
					want[i+1] = regexp.MustCompile(m[1])
				}
			}
			if len(want) == 0 {
				t.Fatal("no expectation")
			}
			p, diags := text(t, string(src))
			if p != nil {
				t.Error("a program in spite of errors")
			}
			for _, d := range diags {
				if d.Severity != diag.Error {
					continue
				}
				line, _ := diag.Position(src, d.Primary.Span.Start)
				if w := want[line]; w == nil {
					t.Errorf("line %d: unexpected %s", line, whole(d))
				} else if !w.MatchString(whole(d)) {
					t.Errorf("line %d: %s\ndoes not match %s", line, whole(d), w)
				}
				delete(want, line)
			}
			for line, w := range want {
				t.Errorf("line %d: no error that matches %s", line, w)
			}
		})
	}
}

// whole is everything that a diagnostic says, on one line.
func whole(d *diag.Diagnostic) string {
	parts := []string{d.Error()}
	for _, r := range d.Related {
		parts = append(parts, r.Text)
	}
	parts = append(append(parts, d.Notes...), d.Help...)
	return strings.Join(parts, "; ")
}

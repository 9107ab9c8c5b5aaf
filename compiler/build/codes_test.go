package build_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
)

// text builds a model from a text.
func text(t testing.TB, src string) (*ir.Program, diag.List) {
	t.Helper()
	p, _, diags, err := build.Build(build.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: []byte(src)}}})
	if err != nil {
		t.Fatal(err)
	}
	return p, diags
}

// TestCodeExamples builds the example of every code, which must yield exactly that
// code, at a place of the user's text.
func TestCodeExamples(t *testing.T) {
	for _, c := range diag.Codes() {
		if c.Example == "" {
			continue
		}
		t.Run(string(c.Code), func(t *testing.T) {
			p, diags := text(t, c.Example)
			if (p == nil) != diags.HasErrors() {
				t.Errorf("program %v, errors %v", p != nil, diags.HasErrors())
			}
			found := false
			for _, d := range diags {
				found = found || d.Code == c.Code
				if d.Code != c.Code {
					t.Errorf("also %v", d)
				}
				if d.Primary.Span.File != "net.ml" || d.Primary.Span.End > len(c.Example) {
					t.Errorf("%v stands at %+v", d, d.Primary.Span)
				}
				if strings.ContainsAny(d.Message, "\n") || d.Message == "" {
					t.Errorf("message %q", d.Message)
				}
			}
			if !found {
				t.Errorf("no %s (%s) in %v\n%s", c.Code, c.Title, diags, c.Example)
			}
		})
	}
}

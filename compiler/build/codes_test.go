package build_test

import (
	"os"
	"regexp"
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
			if c.Severity == diag.Info { // hints are for lint alone
				_, _, hints, err := build.Build(build.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: []byte(c.Example)}}, Check: true})
				if err != nil {
					t.Fatal(err)
				}
				diags = append(diags, hints...)
			}
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

// TestWordList finds every word that the reference of the language lists.
func TestWordList(t *testing.T) {
	doc, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(doc), "Prelude of edition 1:")
	list, _, ok2 := strings.Cut(list, "Defaults (initializers")
	if !ok || !ok2 {
		t.Fatal("the reference has no list of words")
	}
	have := map[string]bool{}
	for _, w := range build.Words() {
		have[w] = true
	}
	n := 0
	for _, part := range regexp.MustCompile("`[a-z_0-9 \n]+`").FindAllString(list, -1) {
		for _, w := range strings.Fields(strings.Trim(part, "`")) {
			n++
			if !have[w] && w != "training" && w != "step" { // constants
				t.Errorf("no word %s", w)
			}
		}
	}
	if n < 180 {
		t.Errorf("found %d words", n)
	}
}

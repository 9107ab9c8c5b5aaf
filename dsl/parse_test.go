package dsl

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mlc-go/mlc/dsl/diag"
)

// specs returns the example models of the language, by path.
func specs(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../specs/*/net.ml")
	if err != nil || len(paths) < 15 {
		t.Fatalf("found %d specs: %v", len(paths), err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = src
	}
	return out
}

// render shows diagnostics as a user sees them.
func render(l diag.List, name string, src []byte) string {
	var b strings.Builder
	if err := diag.Render(&b, "text", l, diag.Sources{name: src}, diag.RenderOptions{}); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestSpecsParse(t *testing.T) {
	for path, src := range specs(t) {
		f, l := Parse(path, src)
		if len(l) > 0 {
			t.Error(render(l, path, src))
		}
		models := 0
		for _, d := range f.Decls {
			if d.Kind == "model" {
				models++
			}
		}
		if models != 1 || f.Edition != "1" {
			t.Errorf("%s: %d models, edition %q", path, models, f.Edition)
		}
	}
}

// An expectation is `// ERROR "regexp" "regexp"` at the end of a line. Single
// quotes serve where the file has an open string.
var (
	expectationLine = regexp.MustCompile(`// ERROR((?: "[^"]*"| '[^']*')+)\s*$`)
	expectationText = regexp.MustCompile(`["']([^"']*)["']`)
)

// TestMalformed parses each file of the corpus. Each diagnostic must match an
// expectation of its line, and each expectation must be met.
func TestMalformed(t *testing.T) {
	paths, _ := filepath.Glob("testdata/malformed/*.ml")
	if len(paths) < 120 {
		t.Fatalf("%d files", len(paths))
	}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".ml"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var l diag.List
			if d := shortest(5, time.Second, func() { _, l = Parse(name, src) }); d > time.Second {
				t.Errorf("took %v", d)
			}
			want := map[int][]string{}
			for i, line := range strings.Split(string(src), "\n") {
				if m := expectationLine.FindStringSubmatch(line); m != nil {
					for _, text := range expectationText.FindAllStringSubmatch(m[1], -1) {
						want[i+1] = append(want[i+1], text[1])
					}
				}
			}
			for _, d := range l {
				line, _ := diag.Position(src, d.Primary.Span.Start)
				if len(want[line]) == 0 || !regexp.MustCompile(want[line][0]).MatchString(d.Error()) {
					t.Errorf("line %d wants %q; got\n%s", line, want[line], render(diag.List{d}, name, src))
					continue
				}
				want[line] = want[line][1:]
			}
			for line, texts := range want {
				if len(texts) > 0 {
					t.Errorf("line %d: no error like %q", line, texts)
				}
			}
			if len(l) == 0 {
				t.Error("no error at all")
			}
		})
	}
}

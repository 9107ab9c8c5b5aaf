package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/dsl"
)

// TestSnippets reads every piece of the language that the documents show: whole
// models must be free of findings, declarations must parse. diagnostics.md, whose
// examples are wrong on purpose, has a test of its own.
func TestSnippets(t *testing.T) {
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	models, parts := 0, 0
	for _, file := range append(files, "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file == "diagnostics.md" {
			continue
		}
		for i, part := range strings.Split("\n"+string(text), "\n```") {
			language, src, _ := strings.Cut(part, "\n")
			if i%2 == 0 || language != "" && language != "ml" {
				continue
			}
			if file == "prelude.md" || strings.Contains(src, "func \"") || strings.Contains(src, "%1") {
				continue // signatures, and dumps of the compiler
			}
			first := strings.TrimLeft(src, "\n")
			switch {
			case strings.HasPrefix(first, "edition"):
				models++
				_, diags, err := compiler.Lint(compiler.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: []byte(src)}}})
				if err != nil || len(diags) > 0 {
					t.Errorf("%s: %v, %v\n%s", file, diags, err, src)
				}
			case strings.HasPrefix(first, "//"), strings.HasPrefix(first, "block"), strings.HasPrefix(first, "model"):
				parts++
				if _, diags := dsl.Parse(file, []byte("edition 1\n\n"+src)); len(diags) > 0 {
					t.Errorf("%s: %v\n%s", file, diags, src)
				}
			}
		}
	}
	if models < 18 || parts < 1 {
		t.Errorf("%d models and %d other pieces were found", models, parts)
	}
}

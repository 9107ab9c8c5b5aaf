// Package docs_test keeps the generated documents current: the diagnostics, the
// library of words, the recipes, and the tour. `go test ./docs -update` rewrites them.
package docs_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

var update = flag.Bool("update", false, "rewrite the generated documents")

// current compares a document with what it should be, or rewrites it.
func current(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("docs/%s is not current: run go test ./docs -update", file)
	}
}

// TestDiagnostics compares docs/diagnostics.md with the table of codes. Its
// anchors are where SARIF reports point to.
func TestDiagnostics(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Diagnostics\n\n" +
		"Every finding of mlc has a code, which never changes its meaning. `mlc explain CODE` prints these texts.\n" +
		"An example is a whole model that gets exactly the one finding. This page is generated from the compiler's table.\n")
	for _, c := range diag.Codes() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s** (%s)\n\n%s\n", c.Code, c.Title, c.Severity, strings.TrimSpace(c.Text))
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.TrimRight(c.Example, "\n"))
		}
	}
	current(t, "diagnostics.md", b.String())
}

// TestPrelude compares docs/prelude.md with the library's files.
func TestPrelude(t *testing.T) {
	groups := map[string][]*prelude.File{}
	var names []string
	for _, w := range prelude.Words() {
		f := prelude.Word(w)
		if groups[f.Group] == nil {
			names = append(names, f.Group)
		}
		groups[f.Group] = append(groups[f.Group], f)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("# The library\n\n" +
		"Every word that a model may use, with its arguments and their defaults. All but the last group are written in the language:\n" +
		"`mlc doc WORD` prints the whole file. This page is generated from those files.\n")
	for _, g := range names {
		fmt.Fprintf(&b, "\n## %s%s\n", strings.ToUpper(g[:1]), g[1:])
		for _, f := range groups[g] {
			d := declaration(t, f)
			kind := "func"
			if d.Unit != nil {
				kind = d.Kind
			}
			fmt.Fprintf(&b, "\n### %s\n\n```\n%s %s%s\n```\n\n%s\n", f.Word, kind, f.Word, formals(d, f.Source), text(d.Doc))
		}
	}
	b.WriteString("\n## Primitive operations\n\nThe compiler knows these itself; a word of the same name in a model's file takes precedence.\n\n")
	for _, in := range build.Intrinsics() {
		fmt.Fprintf(&b, "- `%s`: %s\n", in.Signature, text(in.Doc))
	}
	current(t, "prelude.md", b.String())
}

// recipes are the folders of examples/recipes in the order of the page, by theme.
var recipes = []struct {
	theme string
	names []string
}{
	{"Text", []string{"spam", "tagger", "chargpt", "translate"}},
	{"Sound and series", []string{"spoken", "forecast"}},
	{"Images", []string{"detect", "similar", "diffusion"}},
	{"Tables and graphs", []string{"recommend", "anomaly", "graph"}},
	{"Small, adapted, private, explained", []string{"distill", "lora", "private", "saliency"}},
}

// TestRecipes compares docs/recipes.md with the files of examples/recipes.
func TestRecipes(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Recipes\n\n" +
		"Whole models for common tasks, to copy and change. Each lies in [examples/recipes](../examples/recipes); a test lints and trains every one for ten\n" +
		"steps in the float64 evaluator, a longer one compares generated code with that. [specs](../specs) has the classics: classifiers from MLP to ResNet and ViT, U-Net for segmentation, VAE, GAN, LSTM,\n" +
		"GPT, Llama, CLIP, CTC speech recognition, and DQN and actor-critic for games. [training.md](training.md) says how data comes in.\n\n" +
		"What a model costs is known before it runs: `mlc summary` counts parameters, multiply-adds and memory, `mlc bench` measures time and the share of the\n" +
		"machine's peak. This page is generated from the files.\n")
	seen := 0
	for _, r := range recipes {
		fmt.Fprintf(&b, "\n## %s\n", r.theme)
		for _, name := range r.names {
			file := "../examples/recipes/" + name + "/net.ml"
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "\n### %s\n\n```\n%s```\n", name, src)
			seen++
		}
	}
	if folders, err := os.ReadDir("../examples/recipes"); err != nil || len(folders) != seen {
		t.Errorf("%d recipes, %d on the page: %v", len(folders), seen, err)
	}
	current(t, "recipes.md", b.String())
}

// declaration returns the declaration of a file's word.
func declaration(t *testing.T, f *prelude.File) *dsl.Decl {
	t.Helper()
	for _, d := range f.AST.Decls {
		if d.Name().Name == f.Word {
			if d.Doc == "" {
				t.Errorf("%s has no comment", f.Name)
			}
			return d
		}
	}
	t.Fatalf("%s does not declare %s", f.Name, f.Word)
	return nil
}

// formals returns the arguments as the file spells them.
func formals(d *dsl.Decl, src []byte) string {
	list := []*dsl.Formal(nil)
	if d.Func != nil {
		list = d.Func.Formals
	} else {
		list = d.Unit.Formals
	}
	var args []string
	for _, f := range list {
		args = append(args, string(src[f.Span().Start:f.Span().End]))
	}
	if len(args) == 0 && d.Func == nil {
		return ""
	}
	return "(" + strings.Join(args, ", ") + ")"
}

// text makes a comment Markdown: indented lines are code, stars and brackets
// are themselves.
func text(doc string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(strings.TrimRight(doc, "\n") + "\n") {
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		switch {
		case indented && !code:
			b.WriteString("```\n")
		case code && !indented:
			b.WriteString("```\n")
		}
		code = indented
		if !code {
			line = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`).Replace(line)
		}
		b.WriteString(strings.TrimPrefix(line, "    "))
	}
	if code {
		b.WriteString("```\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

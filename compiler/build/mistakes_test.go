package build_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/dsl/diag"
)

// mistakes is how many faulty models TestMistakes makes, and mistakesFound the
// share of them whose first finding must stand on the edited line.
const (
	mistakes      = 300
	mistakesFound = 0.95
)

// edits are slips of the hand: each changes one token of a text, and returns
// false where it does not apply.
var edits = []struct {
	name string
	do   func(r *rand.Rand, token string, words []string) (string, bool)
}{
	{"letters exchanged", func(r *rand.Rand, token string, _ []string) (string, bool) {
		if len(token) < 3 || !isWord(token) {
			return "", false
		}
		i := r.IntN(len(token) - 1)
		return token[:i] + token[i+1:i+2] + token[i:i+1] + token[i+2:], token[i] != token[i+1]
	}},
	{"letter left out", func(r *rand.Rand, token string, _ []string) (string, bool) {
		i := r.IntN(len(token))
		return token[:i] + token[i+1:], len(token) > 2 && isWord(token)
	}},
	{"another word", func(r *rand.Rand, token string, words []string) (string, bool) {
		other := words[r.IntN(len(words))]
		return other, isWord(token) && other != token
	}},
	{"sign left out", func(_ *rand.Rand, token string, _ []string) (string, bool) {
		return "", !isWord(token) && !isNumber(token)
	}},
	{"sign doubled", func(_ *rand.Rand, token string, _ []string) (string, bool) {
		return token + " " + token, !isWord(token) && !isNumber(token)
	}},
	{"half of an arrow", func(_ *rand.Rand, token string, _ []string) (string, bool) {
		return token[:1], token == "->"
	}},
	{"number changed", func(r *rand.Rand, token string, _ []string) (string, bool) {
		return fmt.Sprint(r.IntN(3), token), isNumber(token)
	}},
	{"word left out", func(_ *rand.Rand, token string, _ []string) (string, bool) {
		return "", isWord(token)
	}},
}

func isWord(token string) bool {
	return token[0] == '_' || unicode.IsLetter(rune(token[0]))
}

func isNumber(token string) bool { return token[0] >= '0' && token[0] <= '9' }

// tokens splits a text into words, numbers, strings, signs and what lies between
// them, comments included.
func tokens(src string) (list []string, code []bool) {
	for src != "" {
		n, ok := 1, true
		part := func(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }
		switch c := rune(src[0]); {
		case strings.HasPrefix(src, "//"):
			n, ok = strings.IndexByte(src, '\n'), false
		case unicode.IsSpace(c):
			n, ok = len(src)-len(strings.TrimLeftFunc(src, unicode.IsSpace)), false
		case c == '"':
			n, ok = 2+strings.IndexByte(src[1:], '"'), false
		case part(c):
			n = len(src) - len(strings.TrimLeftFunc(src, part))
		case strings.HasPrefix(src, "->"), strings.HasPrefix(src, "=="), strings.HasPrefix(src, "!="):
			n = 2
		}
		list, code, src = append(list, src[:n]), append(code, ok), src[n:]
	}
	return list, code
}

// TestMistakes changes one token of an example model at a time. What is no model
// any more must be reported at the edited line, first of all findings, without a
// crash; what still is one must build. Lint and build must agree on which it is.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("../../specs/*/net.ml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d specs: %v", len(files), err)
	}
	var texts [][]byte
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, src)
	}
	r := rand.New(rand.NewPCG(1, 2))
	total, found := map[string]int{}, map[string]int{}
	made, hits := 0, 0
	for made < mistakes {
		pick := r.IntN(len(files))
		edit := edits[r.IntN(len(edits))]
		src, line := slip(r, string(texts[pick]), edit.do)
		if src == "" {
			continue
		}
		diags := imported(t, pick, files, texts, src, false)
		lint := imported(t, pick, files, texts, src, true)
		if diags.HasErrors() != lint.HasErrors() {
			t.Fatalf("%s, %s at line %d: build finds %v, lint %v", files[pick], edit.name, line, diags, lint)
		}
		i := slices.IndexFunc(diags, func(d *diag.Diagnostic) bool { return d.Severity == diag.Error })
		if i < 0 {
			continue // another model, not a mistake
		}
		made++
		total[edit.name]++
		if shows(diags[i], src, line) {
			hits++
			found[edit.name]++
		} else {
			t.Logf("%s, %s at line %d: %s\n%s", files[pick], edit.name, line, diags[i].Message, strings.Split(src, "\n")[line-1])
		}
	}
	for _, e := range edits {
		t.Logf("%-18s %3d of %3d at the edited line", e.name, found[e.name], total[e.name])
	}
	if float64(hits) < mistakesFound*float64(made) {
		t.Errorf("%d of %d mistakes are reported at the edited line, want %.0f%%", hits, made, 100*mistakesFound)
	}
}

// shows reports whether a finding's snippet marks a line of the edited file:
// where the mistake is, or another place that has to do with it.
func shows(d *diag.Diagnostic, src string, line int) bool {
	for _, label := range append([]diag.Label{d.Primary}, d.Related...) {
		if at, _ := diag.Position([]byte(src), label.Span.Start); label.Span.File == d.Primary.Span.File && at == line {
			return true
		}
	}
	return false
}

// slip applies an edit to a token of the text and returns the line where it is;
// "" where the edit does not apply.
func slip(r *rand.Rand, src string, edit func(*rand.Rand, string, []string) (string, bool)) (string, int) {
	list, code := tokens(src)
	var words []string
	for i, w := range list {
		if code[i] && isWord(w) {
			words = append(words, w)
		}
	}
	i := r.IntN(len(list))
	if !code[i] {
		return "", 0
	}
	changed, ok := edit(r, list[i], words)
	if !ok {
		return "", 0
	}
	line := 1 + strings.Count(strings.Join(list[:i], ""), "\n")
	list[i] = changed
	return strings.Join(list, ""), line
}

// imported builds a text in the place of an example, beside the others.
func imported(t *testing.T, pick int, files []string, texts [][]byte, src string, check bool) diag.List {
	t.Helper()
	module := fstest.MapFS{}
	for i, file := range files {
		module[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = &fstest.MapFile{Data: texts[i]}
	}
	file := strings.TrimPrefix(filepath.ToSlash(files[pick]), "../../")
	module[file] = &fstest.MapFile{Data: []byte(src)}
	_, _, diags, err := build.Build(build.Options{File: file, FS: module, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return diags
}

package dsl

import (
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2"

	"github.com/mlc-go/mlc/dsl/diag"
)

// productions maps the name of each production in a text to its right side,
// white space normalised and comments left out.
func productions(text string) map[string]string {
	out := map[string]string{}
	words := ebnfWords(text)
	for len(words) > 0 {
		end := slices.Index(words, ".")
		out[words[0]] = strings.Join(words[2:end], " ")
		words = words[end+1:]
	}
	return out
}

// TestGrammarFileIsTheReferences holds grammar.ebnf to the grammar that the
// language's reference prints.
func TestGrammarFileIsTheReferences(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```ebnf\n(.*?)```").FindSubmatch(doc)
	if m == nil {
		t.Fatal("docs/language.md has no ebnf block")
	}
	compareProductions(t, productions(string(m[1])), productions(Grammar()))
}

// TestStructsStateTheGrammar holds the lines above the structs of the syntax
// tree to grammar.ebnf.
func TestStructsStateTheGrammar(t *testing.T) {
	line := regexp.MustCompile(`^// [A-Z]\w* = .* \.$`)
	var lines []string
	for _, name := range []string{"ast.go", "ast_expr.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				if line.MatchString(c.Text) {
					lines = append(lines, strings.TrimPrefix(c.Text, "// "))
				}
			}
		}
	}
	compareProductions(t, productions(Grammar()), productions(strings.Join(lines, "\n")))
}

func compareProductions(t *testing.T, want, got map[string]string) {
	t.Helper()
	if len(want) < 50 {
		t.Errorf("only %d productions", len(want))
	}
	for name, right := range want {
		if got[name] != right {
			t.Errorf("%s:\nwant %s\ngot  %s", name, right, got[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is not in the grammar", name)
		}
	}
}

func TestKeywordsAreTheReferences(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^keyword +(.*)$`).FindSubmatch(doc)
	if m == nil {
		t.Fatal("docs/language.md has no line of keywords")
	}
	if want := strings.Fields(string(m[1])); !slices.Equal(want, keywords) {
		t.Errorf("want %v\ngot  %v", want, keywords)
	}
}

func TestParticipleTakesTheGrammar(t *testing.T) {
	if p := grammarParsers(); p.failed != nil {
		t.Fatal(p.failed)
	}
	if _, err := participle.Build[File](participle.Lexer(Lexer), participle.UseLookahead(lookahead)); err != nil {
		t.Fatal(err)
	}
}

// TestParserAndGrammarAgree parses mutated specs both by participle and by the
// recogniser that reads grammar.ebnf: each checks the other.
func TestParserAndGrammarAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	accepted, refused := 0, 0
	for _, path := range []string{"mlp", "custom", "clip", "dqn"} {
		src, err := os.ReadFile(filepath.Join("../specs", path, "net.ml"))
		if err != nil {
			t.Fatal(err)
		}
		base := lex(path, string(src))
		for range 150 {
			tokens := slices.Clone(base.tokens[:len(base.tokens)-1])
			i, j := r.IntN(len(tokens)), r.IntN(len(tokens))
			switch r.IntN(3) {
			case 0:
				tokens = slices.Delete(tokens, i, i+1)
			case 1:
				tokens[i] = tokens[j]
			default:
				tokens = slices.Insert(tokens, i, tokens[j])
			}
			var text strings.Builder
			for _, tok := range tokens {
				text.WriteString(tok.Value + " ")
			}
			if checkAgreement(t, text.String()) {
				accepted++
			} else {
				refused++
			}
		}
	}
	if accepted < 10 || refused < 100 {
		t.Errorf("the mutations are no test: %d accepted, %d refused", accepted, refused)
	}
}

// checkAgreement parses a text's items both ways and reports whether the whole
// of it is of the grammar.
func checkAgreement(t *testing.T, text string) bool {
	t.Helper()
	if len(checkBytes("x", text)) > 0 {
		return false
	}
	l := lex("x", text)
	if len(l.diags) > 0 || checkLimits(l) != nil || len(l.tokens) == 1 {
		return false
	}
	whole, declared := true, false
	for _, it := range l.items() {
		_, end, ok := recognise(it.kind, it.tokens)
		ok = ok && end == len(it.tokens)-1
		if whole = whole && ok && !(it.kind == "Import" && declared); it.kind == "Decl" {
			declared = true
		}
		if brackets(it.tokens) != nil {
			if ok {
				t.Errorf("brackets do not match, and yet the grammar takes %q", text)
			}
			continue
		}
		probe := &lexed{name: "x", text: text}
		probe.parseItem(grammarParsers(), &File{}, it)
		refused := len(probe.diags) > 0 && probe.diags[0].Code != diag.UnknownEdition
		if refused == ok {
			t.Errorf("participle and the grammar disagree, the grammar says %v: %q", ok, text)
		}
	}
	_, end, ok := recognise("File", l.tokens)
	if file := ok && end == len(l.tokens)-1; file != whole && l.tokens[0].Value == "edition" {
		t.Errorf("the whole is %v, its items %v: %q", file, whole, text)
	}
	return whole
}

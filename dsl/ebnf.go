package dsl

import (
	_ "embed" // for grammarText
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/participle/v2/lexer"
)

// grammarText is the grammar as the language's reference prints it.
//
//go:embed grammar.ebnf
var grammarText string

// Grammar returns the grammar of the language in EBNF.
func Grammar() string { return grammarText }

// exprKind is what an ebnfExpr is.
type exprKind int

const (
	kindTerminal   exprKind = iota // text is a literal, or a token's kind such as "ident"
	kindProduction                 // text is a production's name
	kindSequence                   // all of list
	kindChoice                     // the first of list that matches
	kindOption                     // list[0] or nothing
	kindRepeat                     // list[0] any number of times
)

// ebnfExpr is the right side of a production, or a part of it.
type ebnfExpr struct {
	kind    exprKind
	text    string
	literal bool // a terminal in quotes
	list    []*ebnfExpr
}

// ebnfGrammar maps a production's name to its right side.
type ebnfGrammar map[string]*ebnfExpr

// grammar is read on first use: only a model with errors needs it.
var grammar = sync.OnceValue(func() ebnfGrammar {
	g, err := parseEBNF(grammarText)
	if err != nil {
		panic("dsl: grammar.ebnf: " + err.Error())
	}
	return g
})

// parseEBNF reads productions of the form `Name = expression .`, with `//`
// comments, quoted literals, | choices, [ ] options, { } repetitions and ( )
// groups.
func parseEBNF(text string) (ebnfGrammar, error) {
	p := &ebnfReader{words: ebnfWords(text)}
	g := ebnfGrammar{}
	for len(p.words) > 0 {
		name := p.take()
		if eq := p.take(); eq != "=" {
			return nil, fmt.Errorf("%q after %s", eq, name)
		}
		e := p.choice()
		if dot := p.take(); dot != "." {
			return nil, fmt.Errorf("%q in %s", dot, name)
		}
		g[name] = e
	}
	return g, nil
}

// ebnfWords cuts the text at white space, leaving comments out. The grammar
// keeps its brackets apart, so nothing else needs cutting.
func ebnfWords(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " //")
		words = append(words, strings.Fields(line)...)
	}
	return words
}

type ebnfReader struct{ words []string }

func (p *ebnfReader) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *ebnfReader) take() string {
	w := p.peek()
	if w != "" {
		p.words = p.words[1:]
	}
	return w
}

func (p *ebnfReader) choice() *ebnfExpr {
	e := &ebnfExpr{kind: kindChoice, list: []*ebnfExpr{p.sequence()}}
	for p.peek() == "|" {
		p.take()
		e.list = append(e.list, p.sequence())
	}
	if len(e.list) == 1 {
		return e.list[0]
	}
	return e
}

func (p *ebnfReader) sequence() *ebnfExpr {
	e := &ebnfExpr{kind: kindSequence}
	for !slices.Contains([]string{"", "|", ".", ")", "]", "}"}, p.peek()) {
		e.list = append(e.list, p.term())
	}
	if len(e.list) == 1 {
		return e.list[0]
	}
	return e
}

func (p *ebnfReader) term() *ebnfExpr {
	switch w := p.take(); {
	case w == "(":
		e := p.choice()
		p.take()
		return e
	case w == "[":
		e := &ebnfExpr{kind: kindOption, list: []*ebnfExpr{p.choice()}}
		p.take()
		return e
	case w == "{":
		e := &ebnfExpr{kind: kindRepeat, list: []*ebnfExpr{p.choice()}}
		p.take()
		return e
	case w[0] == '"':
		return &ebnfExpr{kind: kindTerminal, text: strings.Trim(w, `"`), literal: true}
	case isLower(w):
		return &ebnfExpr{kind: kindTerminal, text: w}
	default:
		return &ebnfExpr{kind: kindProduction, text: w}
	}
}

func isLower(w string) bool { return w == strings.ToLower(w) }

// recogniser matches tokens against the grammar, trying choices in order. It
// remembers how far any attempt came and what that attempt could have used
// there: that is where the mistake is, and what was expected.
type recogniser struct {
	grammar  ebnfGrammar
	tokens   []lexer.Token // ends with EOF
	furthest int
	expected []expectation // at tokens[furthest], in order of the attempts
	stack    []string      // productions being matched
}

// expectation is a terminal that could have stood at the furthest token, and
// the innermost production that wanted it.
type expectation struct {
	terminal   string
	literal    bool
	production string
}

// recognise returns how many tokens the production takes, and whether it
// matched at all. Afterwards furthest and expected tell of the failure.
func recognise(production string, tokens []lexer.Token) (*recogniser, int, bool) {
	r := &recogniser{grammar: grammar(), tokens: tokens}
	end, ok := r.production(production, 0)
	return r, end, ok
}

func (r *recogniser) production(name string, at int) (int, bool) {
	r.stack = append(r.stack, name)
	end, ok := r.match(r.grammar[name], at)
	r.stack = r.stack[:len(r.stack)-1]
	return end, ok
}

// match returns the token after the match. The grammar has no production that
// repeats something empty, so repetitions end.
func (r *recogniser) match(e *ebnfExpr, at int) (int, bool) {
	switch e.kind {
	case kindTerminal:
		if terminalMatches(e, r.tokens[at]) {
			return at + 1, true
		}
		r.missed(e, at)
		return at, false
	case kindProduction:
		return r.production(e.text, at)
	case kindSequence:
		end := at
		for _, part := range e.list {
			var ok bool
			if end, ok = r.match(part, end); !ok {
				return at, false
			}
		}
		return end, true
	case kindChoice:
		for _, alternative := range e.list {
			if end, ok := r.match(alternative, at); ok {
				return end, true
			}
		}
		return at, false
	case kindOption:
		end, _ := r.match(e.list[0], at)
		return end, true
	default: // kindRepeat
		for {
			end, ok := r.match(e.list[0], at)
			if !ok {
				return at, true
			}
			at = end
		}
	}
}

// missed notes a terminal that was wanted and not found.
func (r *recogniser) missed(e *ebnfExpr, at int) {
	if at < r.furthest {
		return
	}
	if at > r.furthest {
		r.furthest, r.expected = at, r.expected[:0]
	}
	x := expectation{e.text, e.literal, r.stack[len(r.stack)-1]}
	if !slices.Contains(r.expected, x) {
		r.expected = append(r.expected, x)
	}
}

// terminalMatches reports whether a token is what a terminal asks for. A word
// of the grammar may be a keyword or a contextual word, which is an ident.
func terminalMatches(e *ebnfExpr, t lexer.Token) bool {
	if e.literal {
		return t.Value == e.text && t.Type != tokenString
	}
	switch e.text {
	case "ident":
		return t.Type == tokenIdent
	case "int":
		return t.Type == tokenInt
	case "float":
		return t.Type == tokenFloat
	default:
		return t.Type == tokenString
	}
}

package dsl

import (
	"slices"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// item is a top-level piece of a file that is parsed on its own, so that a
// mistake in one hides none in another. Its tokens end with an EOF token.
type item struct {
	kind   string // the production: "File" (the edition), "Import" or "Decl"
	tokens []lexer.Token
}

// items cuts the tokens. A missing edition is reported here.
func (l *lexed) items() []item {
	tokens := l.tokens[:len(l.tokens)-1]
	starts := itemStarts(tokens)
	if tokens[0].Value != "edition" || tokens[0].Type == tokenString {
		at := tokenSpan(tokens[0])
		l.diags.Add(diag.New(diag.MissingEdition, at, "the file does not state its edition").
			Fix("start the file with `edition "+Edition+"`", diag.Edit{Span: diag.Span{File: l.name}, New: "edition " + Edition + "\n\n"}))
	}
	if len(starts) == 0 || starts[0] != 0 {
		starts = append([]int{0}, starts...)
	}
	items := make([]item, 0, len(starts))
	for i, start := range starts {
		end := len(tokens)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		last := tokens[end-1]
		eof := lexer.EOFToken(last.Pos)
		eof.Pos.Offset = tokenEnd(last)
		it := item{kind: "Decl", tokens: append(slices.Clone(tokens[start:end]), eof)}
		switch first := tokens[start]; {
		case first.Type == tokenKeyword && first.Value == "edition":
			it.kind = "File"
		case first.Type == tokenKeyword && first.Value == "import":
			it.kind = "Import"
		}
		items = append(items, it)
	}
	return items
}

// itemStarts returns the indexes at which top-level items start, annotations
// included. In a file without mistakes it finds each of them; in others it goes
// by the reserved words, which can begin nothing else.
func itemStarts(tokens []lexer.Token) []int {
	var starts []int
	depth := 0
	for i, t := range tokens {
		switch t.Value {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth = max(0, depth-1)
		}
		if !startsItem(tokens, i, depth) {
			continue
		}
		depth = 0
		start := beforeAnnotations(tokens, i)
		if n := len(starts); n > 0 && start <= starts[n-1] {
			start = i
		}
		starts = append(starts, start)
	}
	return starts
}

// startsItem reports whether tokens[i] is the word that begins an item.
func startsItem(tokens []lexer.Token, i, depth int) bool {
	t := tokens[i]
	next := func(n int) lexer.Token {
		if i+n < len(tokens) {
			return tokens[i+n]
		}
		return lexer.Token{}
	}
	switch {
	case t.Type == tokenKeyword && (t.Value == "model" || t.Value == "block" || t.Value == "func" || t.Value == "import"):
		first := i == 0 || tokens[i-1].Pos.Line != t.Pos.Line || beforeAnnotations(tokens, i) != i
		named := next(1).Type == tokenIdent || t.Value == "import" && next(1).Type == tokenString
		return first && next(1).Value != "=" || depth == 0 && named
	case t.Type == tokenIdent && (t.Value == "optimizer" || t.Value == "metric"):
		// Both are names as well: of a value in a function, for one. A
		// declaration is followed by its name and does not continue an
		// expression.
		return depth == 0 && next(1).Type == tokenIdent && (next(2).Value == "(" || next(2).Value == "{") &&
			(i == 0 || endsOperand(tokens[i-1]))
	}
	return t.Type == tokenKeyword && t.Value == "edition" && i == 0
}

// endsOperand reports whether a value, bracket or block can end with a token.
func endsOperand(t lexer.Token) bool {
	switch t.Type {
	case tokenPunct:
		return t.Value == ")" || t.Value == "]" || t.Value == "}"
	case tokenKeyword:
		return t.Value == "true" || t.Value == "false" || t.Value == "none"
	}
	return true
}

// beforeAnnotations moves from an item's first word back over the annotations
// before it.
func beforeAnnotations(tokens []lexer.Token, i int) int {
	for i >= 2 {
		j := i - 1
		if tokens[j].Value == ")" {
			for depth := 0; j > 0; j-- {
				switch tokens[j].Value {
				case ")":
					depth++
				case "(":
					depth--
				}
				if depth == 0 {
					break
				}
			}
			j--
		}
		if j < 1 || tokens[j].Type != tokenIdent || tokens[j-1].Value != "@" {
			break
		}
		i = j - 1
	}
	return i
}

// closers maps an opening bracket to its closing one.
var closers = map[string]string{"(": ")", "[": "]", "{": "}"}

// brackets reports the first bracket of an item that does not match. A closing
// bracket that matches an outer one shows that the inner one was never closed.
// Braces that do match, but whose lines are indented differently, tell where the
// mistake is when there is one.
func brackets(tokens []lexer.Token) *diag.Diagnostic {
	var open []lexer.Token
	indents := lineIndents(tokens)
	var crooked [2]lexer.Token // the first pair of braces of differently indented lines
	for _, t := range tokens {
		if t.Type != tokenPunct {
			continue
		}
		switch t.Value {
		case "(", "[", "{":
			open = append(open, t)
		case ")", "]", "}":
			n := len(open)
			if n > 0 && closers[open[n-1].Value] == t.Value {
				o := open[n-1]
				if crooked[0].Value == "" && t.Value == "}" && indents[o.Pos.Line] != indents[t.Pos.Line] {
					crooked = [2]lexer.Token{o, t}
				}
				open = open[:n-1]
				continue
			}
			if slices.ContainsFunc(open, func(o lexer.Token) bool { return closers[o.Value] == t.Value }) {
				return diag.New(diag.Unclosed, tokenSpan(open[n-1]), "`%s` is never closed", open[n-1].Value).
					Also(tokenSpan(t), "`"+t.Value+"` closes an outer bracket")
			}
			if t.Value == "}" && headless(tokens) {
				return nil // the parser says where `{` is missing
			}
			d := unopened(t, open, crooked)
			if i := unbraced(tokens, crooked[1], indents); crooked[1].Value != "" && i >= 0 {
				d.Also(tokenSpan(tokens[i]), "is `{` missing behind this?")
			}
			return d
		}
	}
	n := len(open)
	if n == 0 {
		return nil
	}
	if crooked[0].Value != "" && open[n-1].Value == "{" {
		return diag.New(diag.Unclosed, tokenSpan(crooked[0]), "`{` is never closed").
			Also(tokenSpan(crooked[1]), "this would be its `}`, but it is indented otherwise")
	}
	return diag.New(diag.Unclosed, tokenSpan(open[n-1]), "`%s` is never closed", open[n-1].Value)
}

// unopened reports a closing bracket without an opening one, or the earlier one
// that took its place.
func unopened(t lexer.Token, open []lexer.Token, crooked [2]lexer.Token) *diag.Diagnostic {
	if t.Value == "}" && crooked[0].Value != "" {
		return diag.New(diag.Mismatched, tokenSpan(crooked[1]), "`}` closes no bracket").
			Also(tokenSpan(crooked[0]), "it would close this `{`, but is indented otherwise")
	}
	d := diag.New(diag.Mismatched, tokenSpan(t), "`%s` closes no bracket", t.Value)
	if n := len(open); n > 0 {
		d.Also(tokenSpan(open[n-1]), "`"+closers[open[n-1].Value]+"` would close this one")
	}
	return d
}

// headless reports whether a declaration of a unit lacks the brace behind its
// name and arguments.
func headless(tokens []lexer.Token) bool {
	i := slices.IndexFunc(tokens, func(t lexer.Token) bool {
		return t.Value == "model" || t.Value == "block" || t.Value == "optimizer" || t.Value == "metric"
	})
	if i < 0 || i+2 >= len(tokens) {
		return false
	}
	depth := 0
	for i += 2; i < len(tokens); i++ {
		switch tokens[i].Value {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return tokens[i+1].Value != "{"
			}
		}
		if depth == 0 {
			return tokens[i].Value != "{"
		}
	}
	return false
}

// unbraced returns the token behind which the `{` of a closing brace seems to be
// missing: the end of the last statement before it that is indented as it is and
// is followed by a line that is indented more; -1 if there is none.
func unbraced(tokens []lexer.Token, closing lexer.Token, indents map[int]int) int {
	found, depth := -1, 0
	starts := false // the statement at hand is indented as the brace is
	for i, t := range tokens {
		if t.Pos.Offset >= closing.Pos.Offset {
			break
		}
		first := i == 0 || tokens[i-1].Pos.Line < t.Pos.Line
		if first && depth == 0 {
			if starts && indents[t.Pos.Line] > indents[closing.Pos.Line] && tokens[i-1].Value != "{" {
				found = i - 1
			}
			starts = indents[t.Pos.Line] == indents[closing.Pos.Line] && t.Value != "}"
		}
		switch t.Value {
		case "(", "[":
			depth++
		case ")", "]":
			depth = max(0, depth-1)
		}
	}
	return found
}

// lineIndents returns the column of the first token of each line.
func lineIndents(tokens []lexer.Token) map[int]int {
	indents := map[int]int{}
	for _, t := range tokens {
		if _, ok := indents[t.Pos.Line]; !ok {
			indents[t.Pos.Line] = t.Pos.Column
		}
	}
	return indents
}

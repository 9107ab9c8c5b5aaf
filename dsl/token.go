package dsl

import (
	"bytes"
	"io"
	"slices"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// The kinds of tokens. Comments and white space are not tokens.
const (
	tokenIdent lexer.TokenType = -(iota + 2) // lexer.EOF is -1
	tokenKeyword
	tokenInt
	tokenFloat
	tokenString
	tokenPunct
)

// Limits of one file. They are checked before anything is parsed.
const (
	maxFileBytes = 256 << 10
	maxTokens    = 64 << 10
	maxDepth     = 64
	maxUnaryRun  = 64
)

// keywords are reserved, except after "." and "->", where every word is a name.
var keywords = []string{
	"edition", "import", "model", "block", "func", "for", "in", "if", "else", "assert",
	"scan", "over", "carry", "yield", "true", "false", "none",
}

// IsKeyword reports whether a word is reserved and so cannot be a name. The
// length decides first: the lexer asks for every word.
func IsKeyword(word string) bool {
	return len(word) >= 2 && len(word) <= 7 && slices.Contains(keywords, word)
}

// comment is a `//` comment without its line end. next is the index of the
// token that follows it.
type comment struct {
	text         string
	offset, line int
	next         int
	ownLine      bool // nothing but white space before it on its line
}

// lexed is a file cut into tokens. tokens ends with an EOF token. broken holds
// the offsets at which something lexical was wrong and has been reported: what
// is wrong around them afterwards is not worth a second report.
type lexed struct {
	name     string
	text     string
	tokens   []lexer.Token
	comments []comment
	broken   []int
	diags    diag.List
}

// Lexer is the lexer definition that the participle grammar is built on. Its
// lexers never fail: what cannot be a token is left out, and Parse reports it.
var Lexer lexer.Definition = definition{}

type definition struct{}

// Symbols names the kinds of tokens for the grammar's tags.
func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "Ident": tokenIdent, "Keyword": tokenKeyword, "Int": tokenInt,
		"Float": tokenFloat, "String": tokenString, "Punct": tokenPunct,
	}
}

// Lex reads at most one byte more than a file may have, so that a longer one is
// seen to be too long and no more of it is held.
func (definition) Lex(name string, r io.Reader) (lexer.Lexer, error) {
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(r, maxFileBytes+1)); err != nil {
		return nil, err
	}
	return &sliceLexer{lex(name, b.String()).tokens}, nil
}

// sliceLexer hands out tokens that are cut already. The last one is EOF and is
// handed out again and again.
type sliceLexer struct{ tokens []lexer.Token }

// Next returns the next token.
func (l *sliceLexer) Next() (lexer.Token, error) {
	t := l.tokens[0]
	if len(l.tokens) > 1 {
		l.tokens = l.tokens[1:]
	}
	return t, nil
}

package dsl

import (
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// Node is embedded in every node of the syntax tree and holds where it stands.
// Tokens are the node's own tokens, without comments, and never empty in a tree
// that Parse made; the slice is shared by all nodes of a file and must not be
// changed.
type Node struct {
	Tokens []lexer.Token
}

// Pos returns the position of the node's first token.
func (n *Node) Pos() lexer.Position {
	if len(n.Tokens) == 0 {
		return lexer.Position{}
	}
	return n.Tokens[0].Pos
}

// Span returns the node's range of bytes, from its first to the end of its last
// token.
func (n *Node) Span() diag.Span {
	if len(n.Tokens) == 0 {
		return diag.Span{}
	}
	return tokenSpan(n.Tokens[0]).Join(tokenSpan(n.Tokens[len(n.Tokens)-1]))
}

// tokenEnd is the offset after a token. A token's value is its source text.
func tokenEnd(t lexer.Token) int { return t.Pos.Offset + len(t.Value) }

// tokenSpan is the range of bytes of one token.
func tokenSpan(t lexer.Token) diag.Span {
	return diag.Span{File: t.Pos.Filename, Start: t.Pos.Offset, End: tokenEnd(t)}
}

package dsl

import (
	"strings"

	"github.com/mlc-go/mlc/dsl/diag"
)

// Format returns a model file in canonical layout:
//
//   - a statement a line, four spaces a block, one empty line between
//     declarations, at most one elsewhere;
//   - one space around operators, none around brackets, dots and the colon of a
//     range, one after the colon of a label;
//   - lines that the author broke within a statement stay broken: a pipe under
//     the first arrow of its chain, an argument under the first one, an operator
//     so that its operand stands under the first operand;
//   - `=`, `->` and the parts of tensor declarations stay aligned with those of
//     the line above or below where the author had aligned them;
//   - comments at line ends stand three spaces behind the code, aligned on
//     neighbouring lines.
//
// Lines end with LF. Formatting a formatted file changes nothing. A file with
// errors is not formatted: the result is nil and the list says why. The result
// is cut into tokens again and compared, so no token or comment is ever lost.
func Format(name string, src []byte) ([]byte, diag.List) {
	f, l := parse(name, string(src))
	if l.diags.HasErrors() {
		return nil, l.diags.Sorted()
	}
	out := newLayout(newPage(f, l)).text()
	if !sameContent(l, lex(name, out)) {
		return nil, diag.List{diag.New(diag.Internal, diag.Span{File: name}, "formatting would change the file's contents")}
	}
	return []byte(out), nil
}

// sameContent reports whether two texts have the same tokens and comments in
// the same order.
func sameContent(a, b *lexed) bool {
	if len(a.tokens) != len(b.tokens) || len(a.comments) != len(b.comments) || len(b.diags) > 0 {
		return false
	}
	for i, t := range a.tokens {
		if t.Type != b.tokens[i].Type || t.Value != b.tokens[i].Value {
			return false
		}
	}
	for i, c := range a.comments {
		if c.text != b.comments[i].text || c.next != b.comments[i].next {
			return false
		}
	}
	return true
}

// indentWidth is the number of spaces of one block.
const indentWidth = 4

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }

package dsl

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// scanner cuts a text into tokens. It never stops early but at the limit of
// tokens: what is wrong becomes a diagnostic and, where something was plainly
// meant, the token that was meant.
type scanner struct {
	*lexed
	at        int // offset of the next character
	line      int // its line
	lineStart int // offset of that line
	wide      int // bytes on the line before at that are not a character's first
	after     int // offset after the last token or comment, to see what begins a line
}

// lex cuts a text, whose bytes have been checked, into tokens.
func lex(name, text string) *lexed {
	s := &scanner{lexed: &lexed{name: name, text: text}, line: 1}
	s.tokens = make([]lexer.Token, 0, len(text)/4+8)
	for s.space(); s.at < len(s.text) && len(s.tokens) <= maxTokens; s.space() {
		s.next()
	}
	s.emit(lexer.EOF, 0)
	return s.lexed
}

// space moves over white space and keeps count of lines.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			s.line++
			s.lineStart, s.wide = s.at+1, 0
		case ' ', '\t', '\r':
		default:
			return
		}
		s.at++
	}
}

// peek returns the byte n places ahead, or 0 at the end.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.text) {
		return s.text[s.at+n]
	}
	return 0
}

// run returns the number of bytes from the offset on for which ok holds.
func (s *scanner) run(offset int, ok func(byte) bool) int {
	n := 0
	for offset+n < len(s.text) && ok(s.text[offset+n]) {
		n++
	}
	return n
}

// emit appends a token of the next n bytes and moves over them.
func (s *scanner) emit(kind lexer.TokenType, n int) {
	value := s.text[s.at : s.at+n]
	s.tokens = append(s.tokens, lexer.Token{Type: kind, Value: value, Pos: lexer.Position{
		Filename: s.name, Offset: s.at, Line: s.line, Column: 1 + s.at - s.lineStart - s.wide,
	}})
	s.skip(n)
}

// skip moves over n bytes that hold no line end.
func (s *scanner) skip(n int) {
	for _, b := range []byte(s.text[s.at : s.at+n]) {
		if !utf8.RuneStart(b) {
			s.wide++
		}
	}
	s.at += n
	s.after = s.at
}

// report adds a diagnostic about n bytes.
func (s *scanner) report(code diag.Code, offset, n int, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, diag.Span{File: s.name, Start: offset, End: offset + n}, format, args...)
	s.diags.Add(d)
	s.broken = append(s.broken, offset)
	return d
}

// next reads one token, comment, or thing that is neither.
func (s *scanner) next() {
	c := s.text[s.at]
	switch {
	case isLetter(c) || c >= utf8.RuneSelf:
		s.word()
	case isDigit(c) || c == '.' && isDigit(s.peek(1)) && !s.afterOperand():
		s.number()
	case c == '"':
		s.str()
	case c == '/' && s.peek(1) == '/':
		s.comment()
	default:
		s.sign()
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) }

// afterOperand reports whether a value stands directly before: then a point
// asks for a member.
func (s *scanner) afterOperand() bool {
	return s.at > 0 && s.after == s.at && (isWord(s.text[s.at-1]) || strings.IndexByte(")]", s.text[s.at-1]) >= 0)
}

// word reads a name or keyword. Letters outside of ASCII are reported, and the
// whole word is taken as the name that was meant.
func (s *scanner) word() {
	ascii := s.run(s.at, isWord)
	n := ascii
	for {
		r, size := utf8.DecodeRuneInString(s.text[s.at+n:])
		if size == 0 || r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			break
		}
		n += size
	}
	switch {
	case n == 0:
		s.foreignCharacter()
	case n == ascii:
		s.emitWord(n)
	default:
		s.report(diag.BadCharacter, s.at, n, "the name `%s` is not ASCII", s.text[s.at:s.at+n]).
			HelpText("names are made of the letters a to z and A to Z, digits and underscores")
		s.emit(tokenIdent, n)
	}
}

// foreignCharacter reports a character outside of ASCII that is no letter.
func (s *scanner) foreignCharacter() {
	r, size := utf8.DecodeRuneInString(s.text[s.at:])
	if r == '\ufeff' {
		d := s.report(diag.BadCharacter, s.at, size, "the file holds a byte order mark")
		d.Fix("delete it", diag.Edit{Span: d.Primary.Span})
	} else {
		d := s.report(diag.BadCharacter, s.at, size, "unexpected character `%c` (U+%04X)", r, r)
		if sign, ok := lookalikes[r]; ok {
			d.Fix("write `"+sign+"`", diag.Edit{Span: d.Primary.Span, New: sign})
		}
	}
	s.skip(size)
}

// lookalikes are signs that word processors and web pages put in place of ours.
var lookalikes = map[rune]string{
	'→': "->", '×': "*", '·': "*", '÷': "/", '−': "-", '–': "-", '—': "-", '…': "...",
	'“': "\"", '”': "\"", '„': "\"", '‘': "\"", '’': "\"", '≤': "<=", '≥': ">=", '≠': "!=", '\u00a0': " ",
}

func (s *scanner) emitWord(n int) {
	kind := tokenIdent
	if IsKeyword(s.text[s.at:s.at+n]) && !s.afterDotOrArrow() {
		kind = tokenKeyword
	}
	s.emit(kind, n)
}

// afterDotOrArrow reports whether the last token makes the next word a name.
func (s *scanner) afterDotOrArrow() bool {
	if len(s.tokens) == 0 {
		return false
	}
	v := s.tokens[len(s.tokens)-1].Value
	return v == "." || v == "->"
}

// number reads an integer or float and reports what only looks like one.
func (s *scanner) number() {
	whole := s.run(s.at, isDigit)
	n, kind := whole, tokenInt
	if s.peek(n) == '.' && (isDigit(s.peek(n+1)) || s.peek(n+1) != '.' && !isLetter(s.peek(n+1))) {
		kind = tokenFloat
		n += 1 + s.run(s.at+n+1, isDigit)
	}
	if fraction := n - whole; whole == 0 || fraction == 1 {
		s.badNumber(kind, n, "a float has digits on both sides of its point")
		return
	}
	if e := s.peek(n); e == 'e' || e == 'E' {
		sign := 0
		if c := s.peek(n + 1); c == '+' || c == '-' {
			sign = 1
		}
		if digits := s.run(s.at+n+1+sign, isDigit); digits > 0 {
			kind = tokenFloat
			n += 1 + sign + digits
		}
	}
	switch {
	case isLetter(s.peek(n)):
		s.badNumber(kind, n, "a number is followed by letters; numbers are decimal and names start with a letter")
	case kind == tokenInt && n > 1 && s.text[s.at] == '0':
		s.badNumber(kind, n, "an integer has no leading zero; integers are always decimal")
	default:
		s.emit(kind, n)
	}
}

// badNumber reports a number together with the letters and digits that follow
// it, and emits it as a number all the same.
func (s *scanner) badNumber(kind lexer.TokenType, n int, why string) {
	n += s.run(s.at+n, isWord)
	text := s.text[s.at : s.at+n]
	d := s.report(diag.BadNumber, s.at, n, "`%s` is not a number", text).Note("%s", why)
	if plain := strings.TrimLeft(text, "0"); plain != "" && kind == tokenInt && len(plain) < len(text) && s.run(s.at, isDigit) == n {
		d.Fix("write "+plain, diag.Edit{Span: d.Primary.Span, New: plain})
	}
	s.emit(kind, n)
}

// str reads a string. It ends at its closing quote or, with a report, at the
// end of its line.
func (s *scanner) str() {
	n := 1 + s.run(s.at+1, func(c byte) bool { return c != '"' && c != '\n' && c != '\r' })
	if s.peek(n) != '"' {
		s.report(diag.UnterminatedText, s.at, n, "the string is never closed").HelpText("a string ends with `\"` on the line where it starts")
		s.emit(tokenString, n)
		return
	}
	n++
	for i, c := range []byte(s.text[s.at : s.at+n]) {
		switch {
		case c == '\\':
			s.report(diag.BadCharacter, s.at+i, 1, "a string cannot hold a backslash").Note("strings have no escapes")
		case c < ' ':
			s.report(diag.BadCharacter, s.at+i, 1, "a string cannot hold the control character 0x%02x", c)
		}
	}
	s.emit(tokenString, n)
}

func (s *scanner) comment() {
	n := s.run(s.at, func(c byte) bool { return c != '\n' })
	s.comments = append(s.comments, comment{
		text:   strings.TrimRight(s.text[s.at:s.at+n], " \t\r"),
		offset: s.at, line: s.line, next: len(s.tokens),
		ownLine: strings.TrimLeft(s.text[s.lineStart:s.at], " \t\r") == "",
	})
	s.skip(n)
}

// signs are the language's own, longer ones first.
var signs = []string{
	"...", "->", "&&", "||", "==", "!=", "<=", ">=",
	"+", "-", "*", "/", "%", "<", ">", "!", "=", "(", ")", "{", "}", "[", "]", ",", ".", ":", "@",
}

// foreignSign is a sign of another language that can never stand in a model,
// with what to write instead and the token it is taken for.
type foreignSign struct{ sign, write, means string }

// foreignLong are tried before the language's own signs, foreignShort after.
var (
	foreignLong = []foreignSign{
		{"/*", "comments start with `//` and end with their line", ""},
		{"===", "equality is `==`", "=="},
		{"!==", "inequality is `!=`", "!="},
		{"**", "a power is `pow(x, y)`", "*"},
		{"++", "write `x = x + 1`", ""},
		{"+=", "write `x = x + y`", "="},
		{"-=", "write `x = x - y`", "="},
		{"*=", "write `x = x * y`", "="},
		{"/=", "write `x = x / y`", "="},
		{":=", "an assignment is `=`", "="},
		{"=>", "a pipe is `->`", "->"},
		{"|>", "a pipe is `->`", "->"},
		{"<>", "inequality is `!=`", "!="},
	}
	foreignShort = []foreignSign{
		{"&", "a conjunction is `&&`", "&&"},
		{"|", "a disjunction is `||` and a pipe is `->`", "||"},
		{";", "statements need no separator", ""},
		{"#", "comments start with `//`", ""},
		{"?", "a choice is `select(condition, a, b)`", ""},
		{"^", "a power is `pow(x, y)`", "*"},
		{"~", "a negation is `!`", "!"},
		{"\\", "a line needs no continuation sign", ""},
	}
)

// sign reads an operator or bracket.
func (s *scanner) sign() {
	rest := s.text[s.at:]
	if s.foreign(rest, foreignLong) {
		return
	}
	for _, sign := range signs {
		if strings.HasPrefix(rest, sign) {
			s.emit(tokenPunct, len(sign))
			return
		}
	}
	if s.foreign(rest, foreignShort) {
		return
	}
	if rest[0] == '\'' || rest[0] == '`' {
		s.quoted(rest[0])
		return
	}
	s.report(diag.BadCharacter, s.at, 1, "unexpected character %q", rest[0])
	s.skip(1)
}

// foreign reports a sign of another language, if the text starts with one of
// the table, and emits what it is taken for, so that the rest of the item can
// still be read.
func (s *scanner) foreign(rest string, table []foreignSign) bool {
	for _, f := range table {
		if !strings.HasPrefix(rest, f.sign) {
			continue
		}
		s.report(diag.ForeignSyntax, s.at, len(f.sign), "`%s` is not a sign of this language", f.sign).HelpText("%s", f.write)
		switch {
		case f.means != "":
			s.emit(tokenPunct, len(f.sign))
			s.tokens[len(s.tokens)-1].Value = f.means
		case f.sign == "#" || f.sign == "/*":
			s.skip(s.run(s.at, func(c byte) bool { return c != '\n' }))
		default:
			s.skip(len(f.sign))
		}
		return true
	}
	return false
}

// quoted reads a string in quotes that are not the language's.
func (s *scanner) quoted(quote byte) {
	n := 1 + s.run(s.at+1, func(c byte) bool { return c != quote && c != '\n' })
	if s.peek(n) == quote {
		n++
	}
	s.report(diag.ForeignSyntax, s.at, n, "strings are written in double quotes")
	s.emit(tokenString, n)
}

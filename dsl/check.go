package dsl

import (
	"unicode/utf8"

	"github.com/mlc-go/mlc/dsl/diag"
)

// maxByteFindings bounds the reports of one file that is not a text at all.
const maxByteFindings = 10

// checkBytes refuses what may stand nowhere in a model file, comments and
// strings included. Nothing is parsed after it has found something.
func checkBytes(name string, text string) (l diag.List) {
	if len(text) > maxFileBytes {
		l.Add(diag.New(diag.FileTooLarge, diag.Span{File: name, Start: maxFileBytes, End: maxFileBytes + 1},
			"the file has more than %d KiB", maxFileBytes>>10).
			HelpText("write repetition with `for`, and move blocks to a file of their own with `import`"))
		return l
	}
	for i := 0; i < len(text) && len(l) < maxByteFindings; {
		if b := text[i]; b < utf8.RuneSelf {
			if b == 0 {
				l.Add(diag.New(diag.NULByte, diag.Span{File: name, Start: i, End: i + 1}, "the file holds a NUL byte").
					HelpText("save the file as UTF-8 text"))
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		at := diag.Span{File: name, Start: i, End: i + n}
		switch {
		case r == utf8.RuneError && n == 1:
			l.Add(diag.New(diag.BadUTF8, at, "byte 0x%02x is not UTF-8", text[i]).HelpText("save the file as UTF-8 text"))
			return l // one byte that is wrong makes many of those after it wrong
		case isBidiControl(r):
			l.Add(diag.New(diag.BidiControl, at, "the file holds the bidirectional control character U+%04X", r).
				Note("it can make the text look different from what the compiler reads").
				Fix("delete it", diag.Edit{Span: at}))
		}
		i += n
	}
	return l
}

// isBidiControl reports whether a character changes the direction of writing
// (Unicode's property Bidi_Control).
func isBidiControl(r rune) bool {
	switch {
	case r == 0x061c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

// checkLimits bounds what the parser's stack depends on.
func checkLimits(l *lexed) *diag.Diagnostic {
	if len(l.tokens) > maxTokens {
		return diag.New(diag.TooManyTokens, tokenSpan(l.tokens[maxTokens-1]), "the file has more than %d tokens", maxTokens).
			HelpText("write repetition with `for`, and move blocks to a file of their own with `import`")
	}
	depth, signs := 0, 0
	for _, t := range l.tokens {
		if t.Type != tokenPunct {
			signs = 0
			continue
		}
		switch t.Value {
		case "(", "[", "{":
			if depth++; depth > maxDepth {
				return diag.New(diag.TooDeep, tokenSpan(t), "brackets are nested more than %d deep", maxDepth).
					HelpText("give parts of the expression names of their own")
			}
		case ")", "]", "}":
			depth = max(0, depth-1)
		case "-", "!":
			if signs++; signs > maxUnaryRun {
				return diag.New(diag.UnaryRun, tokenSpan(t), "more than %d signs in a row", maxUnaryRun)
			}
			continue
		}
		signs = 0
	}
	return nil
}

package diag

// syntaxInfo are the codes that lexing and parsing alone can give.
var syntaxInfo = []CodeInfo{
	{Unexpected, Error, "unexpected text",
		"The parser met a word or a sign that cannot stand where it stands. The message says what may stand there.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(2) 3
}
`},
	{Unclosed, Error, "a bracket is never closed",
		"Every `(`, `[` and `{` needs its closing bracket. The message points at the opening one, because the end of the file is rarely where the mistake is.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(2)
`},
	{Mismatched, Error, "a closing bracket does not match",
		"A closing bracket was found where another one, or none, is open.",
		`edition 1
model M() {
    input x float32[batch, 4)
    output x
}
`},
	{UnterminatedText, Error, "a string is never closed",
		"A string starts and ends with a double quote on one line. There are no escapes, so it can hold neither a quote nor a line end.",
		`edition 1
model M() {
    input x float32[batch, 4]
    assert 1 == 1, "one
    output x
}
`},
	{BadCharacter, Error, "a character the language does not have",
		"Outside of comments and strings a model is written in ASCII: names, numbers, and the signs of the grammar.",
		`edition 1
model M() {
    input größe float32[batch, 4]
    output x
}
`},
	{BadUTF8, Error, "the file is not UTF-8",
		"Model files are UTF-8. The message gives the first byte that is not; save the file as UTF-8 to repair it.",
		""},
	{NULByte, Error, "the file holds a NUL byte",
		"NUL bytes are refused anywhere in a model file, comments included. A file with NUL bytes is usually UTF-16 or not a text.",
		""},
	{BidiControl, Error, "a bidirectional control character",
		"Characters that change the direction of writing can make a file look different from what the compiler reads (CVE-2021-42574). They are refused everywhere, comments and strings included.",
		"edition 1\n// a \u202e b\nmodel M() {\n    input x float32[batch, 4]\n    output x\n}\n"},
	{BadNumber, Error, "a number is not written correctly",
		"Integers are decimal and have no leading zero, so `010` is neither eight nor ten. A float has digits on both sides of its point, or an exponent: `0.5`, `1.0`, `1e-3`.",
		`edition 1
model M(n = 010) {
    input x float32[batch, n]
    output x
}
`},
	{FileTooLarge, Error, "the file is too large",
		"A model file has at most 256 KiB. Repetition is written with `for`, and parts go to other files with `import`.",
		""},
	{TooManyTokens, Error, "the file has too many tokens",
		"A model file has at most 65536 tokens. Repetition is written with `for`, and parts go to other files with `import`.",
		""},
	{TooDeep, Error, "brackets are nested too deeply",
		"Brackets may be nested 64 deep. The limit keeps a hostile file from exhausting the parser's stack.",
		`edition 1
func f(x) = (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((x)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
`},
	{UnaryRun, Error, "too many signs in a row",
		"At most 64 of the signs `-` and `!` may stand before one operand.",
		`edition 1
func f(x) = - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - x
`},
	{EmptyFile, Error, "the file is empty",
		"A model file starts with its edition, and to be compiled it must hold a model.",
		"// nothing but this comment\n"},
	{MissingEdition, Error, "the edition is missing",
		"A model file starts with `edition 1`, so that a later edition can never change what the file means.",
		`model M() {
    input x float32[batch, 4]
    output x
}
`},
	{UnknownEdition, Error, "an edition this compiler does not know",
		"This compiler knows edition 1. A file of a newer edition needs a newer compiler.",
		`edition 99
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{ImportPlace, Error, "an import after a declaration",
		"Imports stand between the edition and the first declaration.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x
}
import "other.ml"
`},
	{ReservedWord, Error, "a reserved word is used as a name",
		"The words `edition import model block func for in if else assert scan over carry yield true false none` are reserved. After `.` and `->` a word is always a name.",
		`edition 1
model M(block = 4) {
    input x float32[batch, 4]
    output x
}
`},
	{MissingExpression, Error, "an expression is missing",
		"An operator, an equals sign, a comma or a statement's word is not followed by the expression it needs.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x +
    output y
}
`},
	{ForeignSyntax, Error, "a sign of another language",
		"The sign is used for this purpose in other languages; the message names the one this language has.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x ** 2
    output y
}
`},
	{StrayStatement, Error, "a statement outside of a unit",
		"At the top of a file stand `edition`, `import`, `model`, `block`, `func`, `optimizer` and `metric`. Everything else stands within the braces of a unit.",
		`edition 1
input x float32[batch, 4]
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{ChainedComparison, Error, "a comparison of a comparison",
		"Comparisons do not chain. Write `a < b && b < c`.",
		`edition 1
model M(a = 1) {
    input x float32[batch, 4]
    assert 0 < a < 3
    output x
}
`},
}

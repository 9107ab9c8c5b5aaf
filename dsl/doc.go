// Package dsl is a model file as text: its lexer, its grammar, its syntax tree
// and its formatter.
//
// It knows the shape of the language and nothing of what the words mean: no
// layer's name, no argument, no dtype. Names, kinds and shapes belong to the
// compiler.
//
// A file is read in four steps, each of which reports its own diagnostics: the
// bytes are checked (size, encoding, control characters), the text is cut into
// tokens (limits, numbers, strings), the tokens are cut into top-level items
// (brackets), and each item is parsed by participle. When an item does not
// parse, a recogniser that interprets grammar.ebnf finds the place and what
// could have stood there; participle's own error texts are never shown.
//
// Invariant: the grammar is written once. The lines above the structs of the
// syntax tree, the file grammar.ebnf and the parser accept the same language,
// and tests hold them together.
package dsl

// Package build turns syntax trees into the tensor IR. It loads the files that
// a model imports and the library's words it names, runs everything that is
// decided at compile time (arguments, for, if, assert, shapes), and emits one
// function for each entry and train block, and one that gives initial values.
//
// It knows the language and the tensor operations, and nothing of passes,
// kernels or targets. Its invariant: a mistake of the user is a diagnostic at
// the user's text, never a panic, and a program is returned only when there was
// no error.
package build

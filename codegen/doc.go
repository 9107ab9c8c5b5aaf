// Package codegen prints a loop program as a Go package: the model with its
// typed API, sessions, the trainer, the kernels in plain Go, an example and a
// test.
//
// It knows the loop IR and the runtime's names; it must not know an operation of
// the tensor IR, a layer or the language. Its invariant is that every kernel it
// prints gives the bits that the documentation of loop.Phase fixes, on every
// machine, and that the same program always gives the same bytes.
package codegen

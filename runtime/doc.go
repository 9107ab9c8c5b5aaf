// Package mlrt is the runtime that generated models link: exact fused
// multiply-adds, host mathematics, counter-based random numbers, one arena a
// session, a worker pool, weight files and the untyped contract that a
// generated model offers to programs.
//
// It imports the standard library alone and knows no layer, no operation and no
// compiler. Its invariant is the float contract: everything here gives the same
// bits on every machine and at every number of threads. Products that feed a
// sum are therefore wrapped in explicit conversions, which keep the Go compiler
// from fusing them on the machines where it may.
package mlrt

// ABI1 ties generated code to this runtime: a generated package mentions it, so
// that the build fails when generator and runtime do not fit together.
const ABI1 = 1

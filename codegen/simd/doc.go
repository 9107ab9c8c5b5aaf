// Package simd lowers kernels of the loop IR to Go assembly for amd64, for
// AVX-512 and for AVX2 with FMA, through one lowering and a small emitter.
//
// The way of a kernel: plan picks which axis runs along the lanes of vector
// registers and which along unrolled rows; scopes and vector expressions are
// emitted as instructions over virtual registers; alloc gives them the
// machine's; print writes Plan 9 text.
//
// It knows no layer and no operation of the tensor IR, and nothing of sessions
// or threads. Its invariant is the float contract of loop.Phase: an assembly
// kernel gives the same bits as the plain Go kernel and the exact evaluator.
// What it does not cover it refuses with a reason, and plain Go is used.
package simd

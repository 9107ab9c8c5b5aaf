//go:build arm64 || ppc64 || ppc64le || riscv64 || s390x

package mlrt

// FusedByCompiler tells kernels whether the Go compiler turns a*b + c of
// float32 into one fused instruction on this machine; if so they write just that.
const FusedByCompiler = true

// FMA returns a*b + c, rounded once to float32, on every machine the same bits.
// Here the compiler fuses the expression, which the hard cases of TestFMA confirm;
// a product of two constants it would fold instead, so a or b must be a variable.
func FMA(a, b, c float32) float32 { return a*b + c }

// Wide is the type in which kernels hold the operands of fused multiply-adds:
// float64 where the sum of an exact product is made in it, float32 where Go has
// the instruction.
type Wide = float32

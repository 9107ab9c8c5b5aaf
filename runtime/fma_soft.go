//go:build !(arm64 || ppc64 || ppc64le || riscv64 || s390x)

package mlrt

// FusedByCompiler tells kernels whether the Go compiler turns a*b + c of
// float32 into one fused instruction on this machine; if so they write just that.
const FusedByCompiler = false

// FMA returns a*b + c, rounded once to float32, on every machine the same bits.
func FMA(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if DoubleRounds(s) {
		return FMASlow(a, b, c)
	}
	return float32(s)
}

// Wide is the type in which kernels hold the operands of fused multiply-adds:
// float64 where the sum of an exact product is made in it, float32 where Go has
// the instruction.
type Wide = float64

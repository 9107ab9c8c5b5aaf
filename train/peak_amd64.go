//go:build !purego

package train

import mlrt "github.com/mlc-go/mlc/runtime"

//go:noescape
func fmaLoop256(n int)

//go:noescape
func fmaLoop512(n int)

// fmaRounds runs n rounds of the widest loop of fused multiply-adds that the
// machine has and returns the floating-point operations of a round.
func fmaRounds(n int) float64 {
	switch {
	case mlrt.HasAVX512:
		fmaLoop512(n)
		return 12 * 16 * 2
	case mlrt.HasAVX2:
		fmaLoop256(n)
		return 12 * 8 * 2
	}
	return scalarRounds(n)
}

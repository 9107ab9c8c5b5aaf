//go:build !amd64 || purego

package train

// fmaRounds runs n rounds of multiply-adds in plain Go and returns the
// floating-point operations of a round.
func fmaRounds(n int) float64 { return scalarRounds(n) }

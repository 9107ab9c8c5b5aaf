package mlrt

import "math"

const (
	// A float64 has 29 more fraction bits than a float32. Rounding twice goes
	// wrong only where those bits are exactly half a unit of the float32.
	extraBits = 1<<29 - 1
	halfUnit  = 1 << 28
	// Twice the bits of 2^-126: below it the float32 has fewer fraction bits,
	// and half a unit is elsewhere.
	normalBits = 2 * ((1023 - 126) << 52)
)

// DoubleRounds reports whether float32(s) may differ from the exact a*b + c
// rounded once, where s is float64(a)*float64(b) + float64(c). It is a part of
// FMA that kernels write out, because FMA itself is too large to be inlined:
//
//	if s := a64*b64 + float64(acc); mlrt.DoubleRounds(s) {
//		acc = mlrt.FMASlow(a, b, acc)
//	} else {
//		acc = float32(s)
//	}
//
// The product of two float32 is exact in float64, so the sum is the only
// rounding before the last one. The two together differ from one only where the
// sum looks like a tie, or is below the normal range of float32. Subtracting 1
// from the doubled bits lets an exact zero, the common case after a ReLU, pass.
func DoubleRounds(s float64) bool {
	u := math.Float64bits(s)
	return u&extraBits == halfUnit || u<<1-1 < normalBits-1
}

// FMASlow is FMA by the general method, right for all values on every machine.
//
// It rounds the float64 sum to odd instead of to nearest, which makes the second
// rounding exact: the last bit then remembers that something was cut off.
func FMASlow(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	// The rounding error of the sum (Knuth's two-sum).
	t := s - p
	e := (p - (s - t)) + (z - t)
	u := math.Float64bits(s)
	if u&1 == 0 && (e > 0 || e < 0) {
		// The exact sum lies between s and its neighbour towards e.
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}

package mlrt

import "math"

// FromBFloat16 returns the value of bfloat16 bits; every one is exact in float32.
func FromBFloat16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBFloat16 rounds f to bfloat16, to nearest even. NaN gives the quiet NaN 0x7fc0.
func ToBFloat16(f float32) uint16 {
	if f != f {
		return 0x7fc0
	}
	u := math.Float32bits(f)
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// FromFloat16 returns the value of IEEE half-precision bits; every one is exact
// in float32.
func FromFloat16(h uint16) float32 {
	sign, e, f := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch e {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(f)*0x1p-24))
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | f<<13)
	}
	return math.Float32frombits(sign | (e+127-15)<<23 | f<<13)
}

// ToFloat16 rounds f to half precision, to nearest even; values beyond 65,504
// that do not round to it give infinity. NaN gives the quiet NaN 0x7e00.
func ToFloat16(f float32) uint16 {
	u := math.Float32bits(f)
	sign := uint16(u >> 16 & 0x8000)
	u &= 1<<31 - 1
	switch {
	case u > 0xff<<23:
		return 0x7e00
	case u >= (127+16)<<23:
		return sign | 0x7c00
	case u < (127-14)<<23:
		// Subnormal: adding 0.5 leaves units of 2^-24 in the last place, rounded to even.
		return sign | uint16(math.Float32bits(math.Float32frombits(u)+0.5)-math.Float32bits(0.5))
	}
	// A carry out of the fraction moves into the exponent, up to infinity.
	u += 0xfff + u>>13&1
	return sign | uint16((u-(127-15)<<23)>>13)
}

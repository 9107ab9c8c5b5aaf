package mlrt

import "math"

// Signed is a signed integer type.
type Signed interface {
	int | int64 | int32 | int16 | int8
}

// Integer is an integer type that kernels compute with.
type Integer interface{ Signed | uint8 | uint32 }

// Div returns a/b truncated towards zero, and 0 for b = 0.
func Div[T Integer](a, b T) T {
	if b == 0 {
		return 0
	}
	return a / b
}

// FloorDiv returns a/b rounded down, and 0 for b = 0.
func FloorDiv[T Integer](a, b T) T {
	if b == 0 {
		return 0
	}
	q := a / b
	if r := a % b; r != 0 && (r < 0) != (b < 0) {
		q--
	}
	return q
}

// FloorMod returns a - b*FloorDiv(a, b), and 0 for b = 0.
func FloorMod[T Integer](a, b T) T {
	if b == 0 {
		return 0
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// AbsInt returns the magnitude of v; that of the least integer is itself.
func AbsInt[T Integer](v T) T {
	if v < 0 {
		return -v
	}
	return v
}

// MulHi returns the high word of the product.
func MulHi(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) }

// Var returns v. It keeps the Go compiler from doing exact arithmetic with
// constants where a kernel rounds or wraps.
func Var[T any](v T) T { return v }

// Number returns 1 for true and 0 for false.
func Number[T float32 | float64 | int | Integer](b bool) T {
	if b {
		return 1
	}
	return 0
}

// ToInt64 truncates towards zero; out of range it gives the nearest integer, and
// 0 for NaN. ToInt32 and the others do the same for their types.
func ToInt64(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v <= math.MinInt64:
		return math.MinInt64
	case v >= 1<<63:
		return math.MaxInt64
	}
	return int64(v)
}

// ToInt32 is ToInt64 for int32.
func ToInt32(v float64) int32 { return int32(saturated(v, math.MinInt32, math.MaxInt32)) }

// ToInt16 is ToInt64 for int16.
func ToInt16(v float64) int16 { return int16(saturated(v, math.MinInt16, math.MaxInt16)) }

// ToInt8 is ToInt64 for int8.
func ToInt8(v float64) int8 { return int8(saturated(v, math.MinInt8, math.MaxInt8)) }

// ToUint8 is ToInt64 for uint8.
func ToUint8(v float64) uint8 { return uint8(saturated(v, 0, math.MaxUint8)) }

// ToUint32 is ToInt64 for uint32.
func ToUint32(v float64) uint32 { return uint32(saturated(v, 0, math.MaxUint32)) }

func saturated(v, low, high float64) int64 {
	switch {
	case v != v:
		return 0
	case v <= low:
		return int64(low)
	case v >= high:
		return int64(high)
	}
	return int64(v)
}

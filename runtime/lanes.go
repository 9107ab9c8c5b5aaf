package mlrt

import "math"

// Scalar is the Go type of an element that kernels compute with.
type Scalar interface {
	float32 | float64 | int64 | int32 | int16 | int8 | uint8 | uint32
}

// LaneCount is the number of lanes of a reduction in numbered lanes: element i
// of a chunk of 1,024 goes to lane i mod 32, and then lane l takes lane l+w in
// for w = 16, 8, 4, 2, 1. That order is a part of the float contract.
const LaneCount = 32

// Lanes returns lanes that all hold v.
func Lanes[T any](v T) (l [LaneCount]T) {
	for i := range l {
		l[i] = v
	}
	return l
}

// AddBlock adds the sum of the elements from position at on to the sum of those before:
// the first block's is taken as it is, as a sum of 0 and it may differ in sign.
func AddBlock(sum float32, at int, block float32) float32 {
	if at == 0 {
		return block
	}
	return sum + block
}

// Flush returns x, or 0 where its magnitude is below least.
func Flush(x, least float32) float32 {
	if Abs(x) < least {
		return 0
	}
	return x
}

// SumLanes combines lanes to their sum. It overwrites them.
func SumLanes[T Scalar](l *[LaneCount]T) T {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i] += l[i+w]
		}
	}
	return l[0]
}

// ProdLanes combines lanes to their product. It overwrites them.
func ProdLanes[T Scalar](l *[LaneCount]T) T {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i] *= l[i+w]
		}
	}
	return l[0]
}

// MaxLanes combines lanes by MaxOf. It overwrites them.
func MaxLanes[T Scalar](l *[LaneCount]T) T {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i] = MaxOf(l[i], l[i+w])
		}
	}
	return l[0]
}

// MinLanes combines lanes by MinOf. It overwrites them.
func MinLanes[T Scalar](l *[LaneCount]T) T {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i] = MinOf(l[i], l[i+w])
		}
	}
	return l[0]
}

// AnyLanes reports whether any lane is true.
func AnyLanes(l *[LaneCount]bool) bool {
	for _, v := range l {
		if v {
			return true
		}
	}
	return false
}

// AllLanes reports whether every lane is true.
func AllLanes(l *[LaneCount]bool) bool {
	for _, v := range l {
		if !v {
			return false
		}
	}
	return true
}

// ArgMaxLanes combines lanes by ArgMaxOf. It overwrites them.
func ArgMaxLanes[T Scalar](l *[LaneCount]T, at *[LaneCount]int) (T, int) {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i], at[i] = ArgMaxOf(l[i], at[i], l[i+w], at[i+w])
		}
	}
	return l[0], at[0]
}

// ArgMinLanes combines lanes by ArgMinOf. It overwrites them.
func ArgMinLanes[T Scalar](l *[LaneCount]T, at *[LaneCount]int) (T, int) {
	for w := LaneCount / 2; w > 0; w /= 2 {
		for i := range w {
			l[i], at[i] = ArgMinOf(l[i], at[i], l[i+w], at[i+w])
		}
	}
	return l[0], at[0]
}

// Sqrt returns the square root of x, rounded once.
func Sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// Abs returns the magnitude of x.
func Abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// MaxOf returns the larger of a and b; a when they are equal, a NaN when b is
// one or a alone is.
func MaxOf[T Scalar](a, b T) T {
	if a < b || b != b {
		return b
	}
	return a
}

// MinOf returns the smaller of a and b; a when they are equal, a NaN when b is
// one or a alone is.
func MinOf[T Scalar](a, b T) T {
	if b < a || b != b {
		return b
	}
	return a
}

// ArgMaxOf returns the larger of two values with its position: the lower one
// when they are equal. A NaN beats every number. A negative position stands for
// no value.
func ArgMaxOf[T Scalar](a T, i int, b T, j int) (T, int) {
	if second(a, i, b, j, a < b) {
		return b, j
	}
	return a, i
}

// ArgMinOf returns the smaller of two values with its position: the lower one
// when they are equal. A NaN beats every number. A negative position stands for
// no value.
func ArgMinOf[T Scalar](a T, i int, b T, j int) (T, int) {
	if second(a, i, b, j, b < a) {
		return b, j
	}
	return a, i
}

// second decides between two candidates, of which the second is better.
func second[T Scalar](a T, i int, b T, j int, better bool) bool {
	switch {
	case i < 0 || j < 0:
		return i < 0
	case a != a || b != b:
		return b != b && (a == a || j < i)
	}
	return better || a == b && j < i
}

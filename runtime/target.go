package mlrt

import "unsafe"

// Target is a way to run kernels. All give the same bits.
type Target uint8

// The targets, the plainest first.
const (
	PlainGo Target = iota
	AVX2           // and FMA
	AVX512         // F, BW, DQ and VL
)

// String returns the name that options use.
func (t Target) String() string { return [...]string{"go", "avx2", "avx512"}[t] }

// PickTarget returns the target of the given name, or the best one for any other
// name; in both cases only what the machine has.
func PickTarget(name string) Target {
	best := PlainGo
	switch {
	case HasAVX512:
		best = AVX512
	case HasAVX2:
		best = AVX2
	}
	for t := PlainGo; t < best; t++ {
		if t.String() == name {
			return t
		}
	}
	return best
}

// First returns a pointer to the first element of s. Of an empty slice it may be
// nil or point behind other memory, so nothing may be read through it.
func First[T any](s []T) *T { return unsafe.SliceData(s) }

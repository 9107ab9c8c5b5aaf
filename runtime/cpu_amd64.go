//go:build !purego

package mlrt

// cpuid runs the instruction of that name on leaf and subleaf.
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv returns the low half of extended control register 0. The processor
// must have OSXSAVE.
func xgetbv() uint32

func init() { HasAVX2, HasAVX512 = detect(cpuid, xgetbv) }

// detect reads the feature bits (Intel's manual, volume 2, CPUID; AMD agrees).
func detect(cpuid func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32), xgetbv func() uint32) (avx2, avx512 bool) {
	const (
		fma, osxsave, avx = 1 << 12, 1 << 27, 1 << 28     // leaf 1, ecx
		avx2Bit           = 1 << 5                        // leaf 7, ebx
		avx512Bits        = 1<<16 | 1<<17 | 1<<30 | 1<<31 // leaf 7, ebx: F, DQ, BW, VL
		ymmState          = 1<<1 | 1<<2                   // SSE and AVX state
		zmmState          = ymmState | 1<<5 | 1<<6 | 1<<7 // masks and the rest of the wide registers
	)
	top, _, _, _ := cpuid(0, 0)
	if top < 7 {
		return false, false
	}
	_, _, c, _ := cpuid(1, 0)
	if c&(fma|osxsave|avx) != fma|osxsave|avx {
		return false, false
	}
	_, b, _, _ := cpuid(7, 0)
	kept := xgetbv()
	avx2 = b&avx2Bit != 0 && kept&ymmState == ymmState
	return avx2, avx2 && b&avx512Bits == avx512Bits && kept&zmmState == zmmState
}

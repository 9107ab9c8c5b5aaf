package mlrt

// What the processor and the operating system offer to assembly kernels. All
// are false on other machines than amd64, and with the build tag purego.
var (
	HasAVX2   bool // AVX2 and FMA3, with 256-bit registers kept across switches
	HasAVX512 bool // AVX-512 F, BW, DQ and VL, with 512-bit registers and masks kept; HasAVX2 too
)

package simd

import "strconv"

// Target is a vector instruction set of amd64.
type Target uint8

// The targets.
const (
	AVX2   Target = iota // AVX2 and FMA: 16 registers of 8 float32
	AVX512               // AVX-512 F, BW, DQ and VL: 32 registers of 16 float32, 7 masks
)

// String returns the name that options and function suffixes use.
func (t Target) String() string { return [...]string{"avx2", "avx512"}[t] }

// lanes is the number of 32-bit elements of a vector register.
func (t Target) lanes() int { return [...]int{8, 16}[t] }

// bytes is the size of a vector register.
func (t Target) bytes() int { return 4 * t.lanes() }

func (t Target) vectors() int { return [...]int{16, 32}[t] }

// gpRegisters are the general registers that may hold values. AX, CX and DX
// serve spills and divisions; R15 belongs to dynamic linking, BP to the frame.
var gpRegisters = [...]string{"BX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14"}

var gpScratch = [...]string{"AX", "CX", "DX"}

// registerCount is the number of registers of a class.
func (t Target) registerCount(c class) int {
	switch c {
	case gp:
		return len(gpRegisters)
	case vec:
		return t.vectors()
	}
	return 7
}

// registerName prints physical register n of a class.
func (t Target) registerName(c class, n int, o operand) string {
	switch {
	case c == gp:
		return gpRegisters[n]
	case c == mask:
		return "K" + strconv.Itoa(n+1) // K0 means no mask
	case o.half, o.lower && t == AVX2:
		return "X" + strconv.Itoa(n)
	case o.lower, t == AVX2:
		return "Y" + strconv.Itoa(n)
	}
	return "Z" + strconv.Itoa(n)
}

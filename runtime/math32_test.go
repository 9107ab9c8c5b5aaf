package mlrt

import (
	"math"
	"testing"
)

// functions32 lists the functions of one argument with an independent reference and
// the bound that their documentation states.
var functions32 = []struct {
	name string
	fn   func(float32) float32
	ref  func(float64) float64
	ulp  float64
}{
	{"Exp", Exp, math.Exp, 1},
	{"Expm1", Expm1, math.Expm1, 2},
	{"Sigmoid", Sigmoid, func(x float64) float64 {
		if x < 0 {
			return math.Exp(x) / (1 + math.Exp(x))
		}
		return 1 / (1 + math.Exp(-x))
	}, 2.5},
	{"Tanh", Tanh, math.Tanh, 2.5},
	{"Log", Log, math.Log, 1},
	{"Log1p", Log1p, math.Log1p, 1},
	{"Erf", Erf, math.Erf, 1.1},
	{"Ndtr", Ndtr, func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }, 2.5},
	{"GeluErf", GeluErf, func(x float64) float64 {
		if math.IsInf(x, -1) {
			return math.Copysign(0, -1)
		}
		return 0.5 * x * math.Erfc(-x/math.Sqrt2)
	}, 2.5},
	{"Sin", Sin, math.Sin, 2},
	{"Cos", Cos, math.Cos, 2},
}

// ulps32 is the distance of got from the exact want in units of want's last place.
// Special values and signs of zeros that differ are infinitely far.
func ulps32(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case math.IsNaN(want) || got != got:
		if math.IsNaN(want) && got != got {
			return 0
		}
		return math.Inf(1)
	case got == rounded:
		if got == 0 && math.Signbit(float64(got)) != math.Signbit(want) {
			return math.Inf(1)
		}
		return 0
	case math.IsInf(float64(got), 0) && math.Abs(want) > math.MaxFloat32:
		return 1 // between the largest number and the rounding border
	case math.IsInf(float64(rounded), 0) || math.IsInf(float64(got), 0):
		return (math.Abs(want) - math.MaxFloat32) / 0x1p104
	}
	unit := 0x1p-149
	if a := math.Abs(want); a >= 0x1p-126 {
		_, e := math.Frexp(a)
		unit = math.Ldexp(1, e-24)
	}
	return math.Abs(float64(got)-want) / unit
}

// TestMath32 compares the functions with package math in float64 at a million
// numbers, spread over all exponents, and at the special ones.
func TestMath32(t *testing.T) {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0x1p-149, -0x1p-149, 0x1p-126, 0x1.fffffcp-127,
		0x1.fffffep127, -0x1.fffffep127, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 88.72283, 88.7229,
		-103.9, -103.98, -87.4, 0x1p15, 0x1.fffffep14, 0.92, 4, 10}
	for _, f := range functions32 {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			check := func(x float32) {
				if e := ulps32(f.fn(x), f.ref(float64(x))); e > f.ulp {
					t.Fatalf("%s(%x) = %x, want %x: %.2f ulp", f.name, x, f.fn(x), f.ref(float64(x)), e)
				}
			}
			for _, x := range special {
				check(x)
			}
			for i := uint64(0); i < 1<<32; i += 7919 {
				check(math.Float32frombits(uint32(i)))
			}
		})
	}
}

// TestPow compares with math.Pow at pairs whose power is a float32, and at all
// pairs of special numbers, whose results IEEE 754 fixes.
func TestPow(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, 0.5, 1, 2, 3, 33, 34.5, 0x1p-149, 0x1p-126, 0x1p23 + 1, 0x1p24, 0x1.fffffep127, inf, nan}
	for _, v := range special {
		special = append(special, -v)
	}
	check := func(x, y float32) {
		if e := ulps32(Pow(x, y), math.Pow(float64(x), float64(y))); e > 2 {
			t.Fatalf("Pow(%x, %x) = %x, want %x: %.2f ulp", x, y, Pow(x, y), math.Pow(float64(x), float64(y)), e)
		}
	}
	for _, x := range special {
		for _, y := range special {
			check(x, y)
		}
	}
	for i := range uint32(300_000) {
		x, y := Philox([2]uint32{1, 2}, [4]uint32{i})[0], float64(Philox([2]uint32{1, 2}, [4]uint32{i})[1])/(1<<32)
		base := math.Float32frombits(x &^ (1 << 31))
		check(base, float32((y*2-1)*100/math.Log(float64(base))))
	}
}

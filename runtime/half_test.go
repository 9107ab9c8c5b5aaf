package mlrt

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
)

// TestHalfAll converts all 65,536 patterns to float32 and back.
func TestHalfAll(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		if f := FromFloat16(h); f == f && ToFloat16(f) != h {
			t.Fatalf("float16 %#04x: back %#04x", h, ToFloat16(f))
		} else if nan := h&0x7c00 == 0x7c00 && h&0x3ff != 0; nan != (f != f) || nan && ToFloat16(f) != 0x7e00 {
			t.Fatalf("float16 %#04x: NaN is %v", h, f != f)
		}
		if f := FromBFloat16(h); f == f && ToBFloat16(f) != h {
			t.Fatalf("bfloat16 %#04x: back %#04x", h, ToBFloat16(f))
		} else if f != f && ToBFloat16(f) != 0x7fc0 {
			t.Fatalf("bfloat16 %#04x: NaN becomes %#04x", h, ToBFloat16(f))
		}
	}
	for h, want := range map[uint16]float64{0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x0400: 0x1p-14, 0x3555: 0x1.554p-2, 0xfc00: math.Inf(-1)} {
		if got := FromFloat16(h); float64(got) != want {
			t.Errorf("float16 %#04x = %v, want %v", h, got, want)
		}
	}
}

// TestHalfRounding compares with a search for the nearest value among all, ties
// to the even pattern; the value behind the largest counts as the next power.
func TestHalfRounding(t *testing.T) {
	for _, c := range []struct {
		name string
		to   func(float32) uint16
		from func(uint16) float32
		inf  uint16
		next float64
	}{
		{"float16", ToFloat16, FromFloat16, 0x7c00, 65536},
		{"bfloat16", ToBFloat16, FromBFloat16, 0x7f80, 0x1p128},
	} {
		value := func(h int) float64 {
			if h == int(c.inf) {
				return c.next
			}
			return float64(c.from(uint16(h)))
		}
		nearest := func(f float64) uint16 {
			hi := sort.Search(int(c.inf), func(h int) bool { return value(h) >= f })
			if hi == 0 {
				return 0
			}
			lo := hi - 1
			dl, dh := f-value(lo), value(hi)-f
			if dl < dh || dl == dh && lo%2 == 0 {
				return uint16(lo)
			}
			return uint16(hi)
		}
		r := rand.New(rand.NewPCG(8, 8))
		for i := range 100_000 {
			f := math.Float32frombits(r.Uint32() & math.MaxInt32)
			if i%2 == 0 { // in float16's range, often a tie
				f = float32(math.Ldexp(float64(r.IntN(4096)), r.IntN(34)-28))
			}
			if f != f || math.IsInf(float64(f), 0) {
				continue
			}
			if got, want := c.to(f), nearest(float64(f)); got != want {
				t.Fatalf("%s(%x) = %#04x, want %#04x", c.name, f, got, want)
			}
			if got, want := c.to(-f), c.to(f)|0x8000; got != want {
				t.Fatalf("%s(%x) = %#04x, want %#04x", c.name, -f, got, want)
			}
		}
	}
}

package mlrt

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA rounds a*b + c once, with math/big. The sign of an exact zero and the
// special values follow IEEE 754, as float64 arithmetic gives them.
func exactFMA(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(s)
	}
	p := new(big.Float).SetPrec(700).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
	p.SetPrec(700).Add(p, big.NewFloat(float64(c)))
	if p.Sign() == 0 {
		return float32(s)
	}
	f, _ := p.Float32()
	return f
}

func checkFMA(t *testing.T, a, b, c float32) {
	t.Helper()
	want := exactFMA(a, b, c)
	for name, got := range map[string]float32{"FMA": FMA(a, b, c), "FMASlow": FMASlow(a, b, c)} {
		if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
			t.Fatalf("%s(%x, %x, %x) = %x, want %x", name, a, b, c, got, want)
		}
	}
}

// TestFMA checks all triples of hard values: ties that the third operand breaks,
// the borders of the subnormal range, the largest numbers, zeros of both signs.
func TestFMA(t *testing.T) {
	hard := []float32{0, 1, 3, 0x1p-24, 0x1p-25, 0x1.000002p0, 0x1.fffffep0, 0x1.000002p12, 0x1.fffffep-12, 0x1p-126,
		0x1.fffffep-127, 0x1p-149, 0x1.8p-148, 0x1p-100, 0x1p-75, 0x1.000002p-74, 0x1.fffffep127, 0x1p103, 0x1.fffffep63, 0x1p64,
		0x1.555556p-2, 0x1p-13, 0x1.002p-13, 0x1.ffep10, float32(math.Inf(1)), float32(math.NaN())}
	for _, v := range hard {
		hard = append(hard, -v)
	}
	for _, a := range hard {
		for _, b := range hard {
			for _, c := range hard {
				checkFMA(t, a, b, c)
			}
		}
	}
	for _, c := range []struct {
		what          string
		a, b, c, want float32
	}{
		{"a square minus the rounded square", 0x1.000002p0, 0x1.000002p0, -0x1.000004p0, 0x1p-46},
		{"just below a tie that would go up", 0x1.0002p-12, 0x1.fffcp-13, 0x1.000002p0, 0x1.000002p0},
	} {
		if got := FMA(c.a, c.b, c.c); got != c.want {
			t.Errorf("%s: %x, want %x", c.what, got, c.want)
		}
	}
}

// TestFMARandom draws triples of five kinds against exact arithmetic.
func TestFMARandom(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	r := rand.New(rand.NewPCG(1, 2))
	bits := func() float32 { return math.Float32frombits(r.Uint32()) }
	near := func(e int) float32 { return float32(math.Ldexp(1+r.Float64(), e)) }
	few := func(e int) float32 { return float32(math.Ldexp(float64(int(r.Uint32()%64)-32), e)) }
	for i := range n {
		var a, b, c float32
		switch i % 5 {
		case 0: // any bits
			a, b, c = bits(), bits(), bits()
		case 1: // the product near the last place of c
			e := int(r.Uint32()%20) - 10
			a, b, c = near(e), few(-25-e), near(int(r.Uint32()%4)-2)
		case 2: // cancellation
			a, b = near(0), -near(1)
			c = -a*b + few(-30)
		case 3: // around the subnormal border
			a, b, c = near(-70), few(-60-int(r.Uint32()%25)), few(-140-int(r.Uint32()%9))
		case 4: // exact halves of the last place, with and without a remainder
			a, b, c = few(-int(r.Uint32()%30)), few(-int(r.Uint32()%30)), near(3)
		}
		checkFMA(t, a, b, c)
	}
}

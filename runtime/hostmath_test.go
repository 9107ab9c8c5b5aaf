package mlrt

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const refBits = 300

func bigf(x float64) *big.Float { return new(big.Float).SetPrec(refBits).SetFloat64(x) }

func newBig() *big.Float { return new(big.Float).SetPrec(refBits) }

// bigSeries sums terms: term n+1 is term n * x / div(n).
func bigSeries(first, x *big.Float, div func(n int) float64) *big.Float {
	sum, t := newBig().Set(first), newBig().Set(first)
	for n := 0; t.Sign() != 0 && t.MantExp(nil) > sum.MantExp(nil)-refBits; n++ {
		t.Mul(t, x)
		t.Quo(t, bigf(div(n)))
		sum.Add(sum, t)
	}
	return sum
}

// bigExp is exp(x/2^16) by its series, squared 16 times.
func bigExp(x *big.Float) *big.Float {
	r := newBig().SetMantExp(x, -16)
	y := bigSeries(bigf(1), r, func(n int) float64 { return float64(n + 1) })
	for range 16 {
		y.Mul(y, y)
	}
	return y
}

// bigLog refines a first guess by Newton's method on exp. (math.Log is wrong for
// subnormal numbers on amd64, so the exponent is split off.)
func bigLog(x float64) *big.Float {
	m, e := math.Frexp(x)
	y := bigf(math.Log(m) + float64(e)*math.Ln2)
	for range 4 {
		e := bigExp(newBig().Neg(y))
		e.Mul(e, bigf(x))
		y.Add(y, e.Sub(e, bigf(1)))
	}
	return y
}

var bigPi, _, _ = big.ParseFloat("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328230664709384460955", 10, refBits, big.ToNearestEven)

// bigSin is the sine series; x should be below some hundred.
func bigSin(x *big.Float) *big.Float {
	turns := newBig().Quo(x, newBig().Mul(bigPi, bigf(2)))
	n, _ := turns.Int64()
	r := newBig().Sub(x, newBig().Mul(newBig().Mul(bigPi, bigf(2)), bigf(float64(n))))
	z := newBig().Mul(r, r)
	z.Neg(z)
	return bigSeries(r, z, func(n int) float64 { return float64((2*n + 2) * (2*n + 3)) })
}

// ulps returns the distance of got from want in units of got's last place.
func ulps(got float64, want *big.Float) float64 {
	unit := math.Nextafter(math.Abs(got), math.Inf(1)) - math.Abs(got)
	d := newBig().Sub(bigf(got), want)
	u, _ := d.Quo(d, bigf(unit)).Float64()
	return math.Abs(u)
}

func TestHostMathAccuracy(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 300
	}
	r := rand.New(rand.NewPCG(3, 4))
	span := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	magnitude := func(lo, hi float64) float64 { return math.Exp2(span(lo, hi)) }
	for _, c := range []struct {
		name  string
		limit float64
		draw  func() (got float64, want *big.Float)
	}{
		{"exp", 0.6, func() (float64, *big.Float) { x := span(-700, 709); return Exp64(x), bigExp(bigf(x)) }},
		{"exp near 0", 0.6, func() (float64, *big.Float) { x := span(-1, 1); return Exp64(x), bigExp(bigf(x)) }},
		{"exp subnormal", 1.1, func() (float64, *big.Float) { x := span(-744, -708); return Exp64(x), bigExp(bigf(x)) }},
		{"log", 0.51, func() (float64, *big.Float) { x := magnitude(-1074, 1023); return Log64(x), bigLog(x) }},
		{"log near 1", 0.51, func() (float64, *big.Float) { x := span(0.5, 2); return Log64(x), bigLog(x) }},
		{"log at 1", 0.51, func() (float64, *big.Float) { x := 1 + span(-1, 1)*0x1p-20; return Log64(x), bigLog(x) }},
		{"sin", 0.8, func() (float64, *big.Float) { x := span(-400, 400); return Sin64(x), bigSin(bigf(x)) }},
		{"sin small", 0.8, func() (float64, *big.Float) { x := magnitude(-40, 1); return Sin64(x), bigSin(bigf(x)) }},
		{"sin at pi", 0.8, func() (float64, *big.Float) {
			x := math.Pi*float64(r.IntN(100)+1) + span(-1, 1)*0x1p-40
			return Sin64(x), bigSin(bigf(x))
		}},
		{"cos", 0.8, func() (float64, *big.Float) {
			x := span(-8, 8)
			return Cos64(x), bigSin(newBig().Add(bigf(x), newBig().Mul(bigPi, bigf(0.5))))
		}},
		{"pow", 0.7, func() (float64, *big.Float) {
			x := magnitude(-30, 30)
			y := span(-20, 20)
			return Pow64(x, y), bigExp(newBig().Mul(bigf(y), bigLog(x)))
		}},
		{"pow of a decay", 0.7, func() (float64, *big.Float) {
			x, y := span(0.9, 1), float64(r.IntN(100000))
			return Pow64(x, y), bigExp(newBig().Mul(bigf(y), bigLog(x)))
		}},
	} {
		worst := 0.0
		for range n {
			got, want := c.draw()
			if got == 0 || math.IsInf(got, 0) { // beyond the range: compared in TestHostMathSpecial
				continue
			}
			if math.Abs(got) < 0x1p-1022 && c.limit < 1 {
				continue
			}
			worst = max(worst, ulps(got, want))
		}
		if worst > c.limit || worst == 0 {
			t.Errorf("%s: largest error %.3f ulp, limit %.2f", c.name, worst, c.limit)
		}
	}
}

// TestHostMathSpecial compares special values with package math.
func TestHostMathSpecial(t *testing.T) {
	inf := math.Inf(1)
	values := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1e300, -1e300, 1e-300, inf, -inf, math.NaN(),
		1 << 53, 1<<53 + 2, -(1 << 53) - 2, 710, 709.7, -740, -745.2, -800}
	// -1074 ln 2; math.Log differs on amd64.
	if got := Log64(math.SmallestNonzeroFloat64); math.Abs(got+744.4400719213812) > 1e-12 {
		t.Errorf("log of the smallest number = %v", got)
	}
	// Just above half of the smallest number; math.Exp gives 0 on arm64.
	if got := Exp64(-745.1); got != math.SmallestNonzeroFloat64 {
		t.Errorf("exp(-745.1) = %v", got)
	}
	same := func(got, want float64) bool {
		return got == want && math.Signbit(got) == math.Signbit(want) || got != got && want != want ||
			math.Abs(got-want) <= 1e-15*math.Abs(want)
	}
	for _, x := range values {
		for name, f := range map[string][2]func(float64) float64{
			"exp": {Exp64, math.Exp}, "log": {Log64, math.Log}, "sin": {Sin64, math.Sin}, "cos": {Cos64, math.Cos},
		} {
			if got, want := f[0](x), f[1](x); !same(got, want) {
				t.Errorf("%s(%g) = %g, want %g", name, x, got, want)
			}
		}
		for _, y := range values {
			if got, want := Pow64(x, y), math.Pow(x, y); !same(got, want) {
				t.Errorf("pow(%g, %g) = %g, want %g", x, y, got, want)
			}
		}
	}
}

// TestPowExact checks powers that float64 holds exactly.
func TestPowExact(t *testing.T) {
	for base := int64(2); base <= 1000; base++ {
		want := big.NewInt(1)
		for n := 1; n < 64; n++ {
			want.Mul(want, big.NewInt(base))
			odd := new(big.Int).Rsh(want, want.TrailingZeroBits())
			if odd.BitLen() > 53 {
				break
			}
			f, _ := new(big.Float).SetInt(want).Float64()
			if got := Pow64(float64(base), float64(n)); got != f {
				t.Fatalf("pow(%d, %d) = %v, want %v", base, n, got, f)
			}
			if got := Pow64(f, 0.5); n%2 == 0 && got != math.Sqrt(f) {
				t.Fatalf("pow(%d^%d, 0.5) = %v, want %v", base, n, got, math.Sqrt(f))
			}
		}
	}
}

// TestSinLarge checks the reduction at the hardest known arguments: values very
// close to a multiple of pi/2, and large ones, against exact integer reduction.
func TestSinLarge(t *testing.T) {
	pi := machinPi(1400)
	for _, x := range []float64{6381956970095103 * math.Ldexp(1, 797), math.MaxFloat64, 1e22, 1e300, 0x1p1000, 5.319372648326541e255, 355, 103993} {
		got, gotCos := Sin64(x), Cos64(x)
		// r = x - 2 pi n at high precision, then the series.
		two := new(big.Float).SetPrec(1400).Mul(pi, bigf(2))
		n, _ := new(big.Float).SetPrec(1400).Quo(new(big.Float).SetPrec(1400).SetFloat64(x), two).Int(nil)
		r := new(big.Float).SetPrec(1400).Mul(two, new(big.Float).SetPrec(1400).SetInt(n))
		r.Sub(new(big.Float).SetPrec(1400).SetFloat64(x), r)
		if u := ulps(got, bigSin(newBig().Set(r))); u > 0.8 {
			t.Errorf("sin(%g) = %g: %.2f ulp", x, got, u)
		}
		r.Add(r, new(big.Float).SetPrec(1400).Quo(pi, bigf(2)))
		if u := ulps(gotCos, bigSin(newBig().Set(r))); u > 0.8 {
			t.Errorf("cos(%g) = %g: %.2f ulp", x, gotCos, u)
		}
	}
}

// TestHostMathBits pins the bits of 200,000 results. The accuracy tests say that
// they are good; this one says that all machines agree, which only a constant can.
func TestHostMathBits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	h := fnv.New64a()
	add := func(v float64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		h.Write(b[:])
	}
	for range 40_000 {
		x := math.Ldexp(r.Float64()+1, r.IntN(40)-30)
		y := float64(r.Float64()*20) - 10
		add(Exp64(y * 70))
		add(Log64(x))
		add(Pow64(x, y))
		add(Sin64(x))
		add(Cos64(y))
	}
	if got, want := h.Sum64(), uint64(0x3fcb311d6df7c15e); got != want {
		t.Errorf("hash of results %#x, want %#x", got, want)
	}
}

// machinPi is 16 atan(1/5) - 4 atan(1/239).
func machinPi(prec uint) *big.Float {
	num := func(n int64) *big.Float { return new(big.Float).SetPrec(prec).SetInt64(n) }
	atan := func(n int64) *big.Float {
		sum, t := num(0), num(1)
		t.Quo(t, num(n))
		for k := int64(0); k < 700; k++ {
			x := num(0).Quo(t, num(2*k+1))
			if k%2 == 1 {
				x.Neg(x)
			}
			sum.Add(sum, x)
			t.Quo(t, num(n*n))
		}
		return sum
	}
	a, b := atan(5), atan(239)
	return a.Sub(a.Mul(a, num(16)), b.Mul(b, num(4)))
}

package mlrt

import (
	"math"
	"math/bits"
)

// Host mathematics in float64: schedules, bias corrections, initial values. The
// functions of package math have assembly on some machines and may differ in the
// last place; these give the same bits everywhere. math.Sqrt, Floor, Ceil, Abs,
// Trunc and FMA are exact by definition and used as they are.
//
// Largest errors in units of the last place: Log64 0.51, Exp64 0.6 (1.1 where the
// result is subnormal), Pow64 0.7, Sin64 and Cos64 0.8. Special values are those of
// package math.

const (
	// ln 2 in three parts; the first has 32 bits, so that its product with an
	// exponent is exact.
	ln2High = 0x1.62e42feep-1
	ln2Mid  = 0x1.a39ef35793c76p-33
	ln2Low  = 0x1.cc01f97b57a08p-87
	// A third and half of pi, in two parts.
	thirdHigh  = 0x1.5555555555555p-2
	thirdLow   = 0x1.5555555555555p-56
	halfPiHigh = 0x1.921fb54442d18p+0
	halfPiLow  = 0x1.1a62633145c07p-54
)

// twoOverPi holds the first 1,280 bits of 2/pi behind a word of zeros.
var twoOverPi = [...]uint64{
	0,
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
	0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
	0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
	0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
}

// Taylor coefficients, highest power first.
var (
	expTaylor = [...]float64{1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040,
		1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2} // of (exp(r) - 1 - r) / r^2
	sinTaylor = [...]float64{-1. / 121645100408832000, 1. / 355687428096000, -1. / 1307674368000, 1. / 6227020800, -1. / 39916800,
		1. / 362880, -1. / 5040, 1. / 120, -1. / 6} // of (sin(r) - r) / r^3 in r^2
	cosTaylor = [...]float64{-1. / 6402373705728000, 1. / 20922789888000, -1. / 87178291200, 1. / 479001600, -1. / 3628800,
		1. / 40320, -1. / 720, 1. / 24} // of (cos(r) - 1 + r^2/2) / r^4 in r^2
	atanhTaylor = [...]float64{1. / 27, 1. / 25, 1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7,
		1. / 5} // of (atanh(s) - s - s^3/3) / s^5 in s^2
)

// horner evaluates a polynomial, highest power first.
func horner(x float64, c []float64) float64 {
	p := c[0]
	for _, v := range c[1:] {
		p = float64(p*x) + v
	}
	return p
}

// addExact returns a + b and its rounding error, for |a| >= |b| or a = 0.
func addExact(a, b float64) (sum, err float64) {
	sum = a + b
	return sum, (a - sum) + b
}

// mulExact returns a * b and its rounding error.
func mulExact(a, b float64) (product, err float64) {
	product = float64(a * b)
	return product, math.FMA(a, b, -product)
}

// Exp64 returns e to the power x.
func Exp64(x float64) float64 {
	return expSum(x, 0)
}

// expSum returns exp(x + low), low being a correction far below x.
func expSum(x, low float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	high, small := x-float64(k*ln2High), low-float64(k*ln2Mid) // the first is exact
	if math.Abs(high) < math.Abs(small) {
		high, small = small, high
	}
	r, tail := addExact(high, small)
	one, err := addExact(1, r)
	p := float64(float64(r*r) * horner(r, expTaylor[:]))
	return scale(one+(err+(p+float64(tail*one))), int(k))
}

// scale returns y * 2^k for y near 1, rounded once where the result is subnormal.
func scale(y float64, k int) float64 {
	power := func(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }
	switch {
	case k > 1023:
		return y * power(1023) * power(k-1023)
	case k < -1021:
		return y * power(k+200) * power(-200)
	}
	return y * power(k)
}

// Log64 returns the natural logarithm of x.
func Log64(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	high, _ := logSum(x)
	return high
}

// logSum returns the logarithm of a positive finite x as a sum of two numbers,
// good to about 64 bits: the first is the rounded sum.
//
// x = 2^k m with m in [1/sqrt 2, sqrt 2), and log m = 2 atanh((m-1)/(m+1)); the
// quotient and the first terms of the series are kept in two parts.
func logSum(x float64) (high, low float64) {
	k := 0
	if x < 0x1p-1022 {
		x, k = x*0x1p54, -54
	}
	u := math.Float64bits(x)
	k += int(u>>52) - 1023
	m := math.Float64frombits(u&(1<<52-1) | 1023<<52)
	if m >= math.Sqrt2 {
		m, k = m/2, k+1
	}
	f := m - 1 // exact
	d, dl := addExact(2, f)
	s := f / d
	sl := (math.FMA(-s, d, f) - float64(s*dl)) / d

	z, zl := mulExact(s, s)
	zl += 2 * float64(s*sl)
	// c = 1/3 + z t, in two parts.
	t := horner(z, atanhTaylor[:])
	zt, ztl := mulExact(z, t)
	c, cl := addExact(thirdHigh, zt)
	cl += thirdLow + (ztl + float64(zl*t))
	// q = z c, and log m = 2 (s + s q).
	q, ql := mulExact(z, c)
	ql += float64(z*cl) + float64(zl*c)
	p, pl := mulExact(s, q)
	pl += float64(s*ql) + float64(sl*q)
	high, low = addExact(s, p)
	high, low = addExact(2*high, 2*(low+(sl+pl)))
	if k == 0 {
		return high, low
	}
	kf := float64(k)
	mid, midLow := mulExact(kf, ln2Mid)
	a, al := addExact(float64(kf*ln2High), mid)
	al += midLow + float64(kf*ln2Low)
	b, bl := addExact(a, high)
	return addExact(b, bl+(al+low))
}

// Pow64 returns x to the power y. Powers that are exact in float64 are exact.
func Pow64(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	case math.IsInf(y, 0):
		return powInfinite(x, y)
	}
	whole := math.Floor(y) == y
	odd := whole && math.Abs(y) < 1<<53 && int64(y)&1 == 1
	sign := 1.0
	if odd {
		sign = math.Copysign(1, x)
	}
	switch a := math.Abs(x); {
	case a == 0 && y < 0 || math.IsInf(a, 0) && y > 0:
		return sign * math.Inf(1)
	case a == 0 || math.IsInf(a, 0):
		return sign * 0
	case x < 0 && !whole:
		return math.NaN()
	case a == 1:
		return sign
	default:
		h, l := logSum(a)
		p := y * h
		if p > 710 || p < -746 {
			return sign * expSum(p, 0)
		}
		return sign * expSum(p, math.FMA(y, h, -p)+float64(y*l))
	}
}

// powInfinite is Pow64 for an infinite y and an x that is neither 1 nor NaN.
func powInfinite(x, y float64) float64 {
	switch a := math.Abs(x); {
	case a == 1:
		return 1
	case (a > 1) == (y > 0):
		return math.Inf(1)
	}
	return 0
}

// Sin64 returns the sine of x in radians, of any size.
func Sin64(x float64) float64 {
	q, r, l := reduce(x)
	return quadrant(q, r, l)
}

// Cos64 returns the cosine of x in radians, of any size.
func Cos64(x float64) float64 {
	q, r, l := reduce(x)
	return quadrant(q+1, r, l)
}

// quadrant returns sin(q pi/2 + r + l) for |r| <= pi/4.
func quadrant(q uint64, r, l float64) float64 {
	z := float64(r * r)
	var v float64
	if q&1 == 0 {
		v = r + (float64(float64(r*z)*horner(z, sinTaylor[:])) + float64(l*(1-float64(0.5*z))))
	} else {
		half := 0.5 * z
		one := 1 - half
		v = one + (((1 - one) - half) + (float64(float64(z*z)*horner(z, cosTaylor[:])) - float64(r*l)))
	}
	if q&2 != 0 {
		return -v
	}
	return v
}

// reduce writes x as q pi/2 + r + l with |r| <= pi/4; q counts modulo 4.
//
// It multiplies the 53 bits of x by those bits of 2/pi that matter (Payne and
// Hanek): multiples of 4 are left out on the left, 192 bits are taken.
func reduce(x float64) (q uint64, r, l float64) {
	if !(math.Abs(x) > math.Pi/4) {
		return 0, x, 0
	}
	u := math.Float64bits(x)
	e := int(u>>52)&0x7ff - 1023 - 52
	if e == 0x7ff-1023-52 {
		return 0, math.NaN(), 0
	}
	m := u&(1<<52-1) | 1<<52
	// Bits e-1 to e+190 of 2/pi, counted from 1 behind the point.
	at := e - 2 + 64
	var w [3]uint64
	for i := range w {
		j := at/64 + i
		w[i] = twoOverPi[j] << (at % 64)
		if at%64 != 0 {
			w[i] |= twoOverPi[j+1] >> (64 - at%64)
		}
	}
	// The product modulo 2^192 is the quotient modulo 4 with 190 bits behind the point.
	c1, p2 := bits.Mul64(m, w[2])
	c0, p1 := bits.Mul64(m, w[1])
	p0 := m * w[0]
	p1, carry := bits.Add64(p1, c1, 0)
	p0, _ = bits.Add64(p0, c0, carry)
	q = p0 >> 62
	p0, p1, p2 = p0<<2|p1>>62, p1<<2|p2>>62, p2<<2
	negative := p0>>63 == 1
	if negative { // from above: the next multiple minus the rest
		q++
		var borrow uint64
		p2, borrow = bits.Sub64(0, p2, 0)
		p1, borrow = bits.Sub64(0, p1, borrow)
		p0, _ = bits.Sub64(0, p0, borrow)
	}
	f, fl := fraction(p0, p1, p2)
	r, l = mulExact(f, halfPiHigh)
	r, l = addExact(r, l+(float64(f*halfPiLow)+float64(fl*halfPiHigh)))
	if negative != (x < 0) {
		r, l = -r, -l
	}
	if x < 0 {
		q = -q
	}
	return q, r, l
}

// fraction returns the binary fraction 0.p0 p1 p2 as a sum of two numbers.
func fraction(p0, p1, p2 uint64) (high, low float64) {
	n := bits.LeadingZeros64(p0)
	if n > 0 {
		p0 = p0<<n | p1>>(64-n)
		p1 = p1<<n | p2>>(64-n)
	}
	unit := math.Float64frombits(uint64(1023-53-n) << 52)
	high = float64(p0>>11) * unit
	low = float64(p0<<53|p1>>11) * (unit * 0x1p-64)
	return high, low
}

package loop

import "github.com/mlc-go/mlc/compiler/dim"

// logPair is log(a) as the sum of two floats, for a normal or subnormal a > 0:
// a = 2^n * m with m near 1, log(m) = 2*atanh((m-1)/(m+1)).
func logPair(a *Expr) (high, low *Expr) {
	tiny := named("tiny", less(a, f32(smallestNormal)))
	u := named("u", asInt(cond(tiny, mul(a, f32(0x1p23)), a)))
	e := named("e", and(sub(u, i32(0x3f3504f3)), i32(exponentMask))) // m from sqrt(1/2)
	m := named("m", asFloat(sub(u, e)))
	n := named("n", sub(toFloat(shr(e, i32(23))), cond(tiny, f32(23), f32(0))))

	f := named("f", sub(m, f32(1)))
	d := named("d", add(m, f32(1)))
	dLow := named("dLow", sub(m, sub(d, f32(1))))
	twice := add(f, f)
	h := named("h", div(twice, d))
	rest := named("quotientLow", div(fma(neg(h), dLow, fma(neg(h), d, twice)), d))
	t := named("t", mul(h, h))
	// (2*atanh(h/2)/h - 1)/h^2 in h^2
	tail := mul(t, horner(t, 0x1.555554p-4, 0x1.999c26p-7, 0x1.23d3ep-9, 0x1.f13b1ep-12))
	// The cubic term has slope t/4 in h, so the rest counts that much more.
	rest = named("rest", fma(rest, mul(t, f32(0.25)), rest))
	l := named("l", fma(h, tail, rest))

	big := named("big", mul(n, f32(ln2High)))
	sum := named("sum1", add(big, h))
	err := named("err", add(sub(h, sub(sum, big)), fma(n, f32(ln2Low), l)))
	high = named("logHigh", add(sum, err))
	low = named("logLow", sub(err, sub(high, sum)))
	return high, low
}

// powMagnitude is a^y for a > 0.
func powMagnitude(a, y *Expr) *Expr {
	high, low := logPair(a)
	p := named("product", mul(y, high))
	pLow := named("productLow", fma(y, low, fma(y, high, neg(p))))
	// Beyond the clamps the result is 0 or +Inf, and the low part may be NaN.
	inside := and(less(f32(-104), p), less(p, f32(89)))
	c := named("clamped", clampMax(89, clampMin(-104, p)))
	_, n, r := expReduce(c)
	r = named("r1", add(r, cond(inside, pLow, f32(0))))
	q := fma(fma(expTail(r), r, f32(1)), r, f32(1))
	return fnScale.Call(named("p", q), n)
}

var fnPow = &Fn{
	Name: "pow",
	Doc: "is x^y: exp(y * log|x|) with the logarithm and the product in two floats.\n" +
		"Special values are those of IEEE 754: x^0 and 1^y are 1, a negative x needs a whole y.",
	Params: twoFloats, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x, y := args[0], args[1]
		a := named("a", abs(x))
		down := named("down", less(y, f32(0)))
		v := powMagnitude(a, y)
		v = cond(equal(a, f32(0)), cond(down, f32(infinity), f32(0)), v)
		v = cond(equal(a, f32(infinity)), cond(down, f32(0), f32(infinity)), v)
		v = cond(equal(a, f32(1)), f32(1), v) // y may be infinite

		half := named("halfY", mul(y, f32(0.5)))
		whole := named("whole", equal(floor(y), y))
		odd := named("odd", and(whole, differ(floor(half), half)))
		negative := less(asInt(x), i32(0))
		v = cond(and(negative, odd), neg(v), v)
		finite := and(less(x, f32(0)), less(a, f32(infinity)))
		v = cond(and(finite, not(whole)), f32(notANumber), v)
		v = cond(differ(x, x), x, v)
		v = cond(differ(y, y), y, v)
		return cond(or(equal(x, f32(1)), equal(y, f32(0))), f32(1), v)
	},
}

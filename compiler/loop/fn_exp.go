package loop

import "github.com/mlc-go/mlc/compiler/dim"

const (
	// Adding roundMagic to a small float rounds it to an integer, which then
	// stands in the low bits of the sum.
	roundMagic = 0x1.8p23
	log2E      = 0x1.715476p+0
	// ln 2 in two parts; the first has few bits, so that its product with an
	// exponent is exact.
	ln2High = 0x1.62e4p-1
	ln2Low  = 0x1.7f7d1cp-20
)

// expReduce writes x = n*ln 2 + r with an integer n and |r| <= ln 2 / 2. Sum has
// n in its low bits.
func expReduce(x *Expr) (sum, n, r *Expr) {
	sum = named("sum", fma(x, f32(log2E), f32(roundMagic)))
	n = named("n", sub(sum, f32(roundMagic)))
	r = fma(neg(n), f32(ln2High), x)
	r = named("r", fma(neg(n), f32(ln2Low), r))
	return sum, n, r
}

// expTail is (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, relative to exp(r) - 1 within 2^-26.
func expTail(r *Expr) *Expr {
	return named("q", horner(r, 0x1.fffffep-2, 0x1.5554aap-3, 0x1.55579cp-5, 0x1.122c6p-7, 0x1.6ab8b6p-10))
}

// expm1Tail is expTail within 2^-28, for functions that add other errors.
func expm1Tail(r *Expr) *Expr {
	return named("q", horner(r, 0.5, 0x1.55552cp-3, 0x1.555502p-5, 0x1.1155a6p-7, 0x1.6d2e4cp-10, 0x1.3b90acp-13))
}

// powerOfTwo is 2^n for the integer in the low bits of sum, -126 <= n <= 127.
func powerOfTwo(sum *Expr) *Expr {
	return named("power", asFloat(add(shl(asInt(sum), i32(23)), i32(127<<23))))
}

// expNear is exp(x) for -87 <= x <= 88, where neither exponent nor result leaves the normal range.
func expNear(x *Expr) *Expr {
	sum, _, r := expReduce(x)
	p := fma(fma(expTail(r), r, f32(1)), r, f32(1))
	return mul(p, powerOfTwo(sum))
}

var fnScale = &Fn{
	Name: "scale",
	Doc: "is x * 2^n rounded once, for an integer n with |n| <= 252 and 1/2 <= |x| <= 2.\n" +
		"The power goes in two steps, because 2^n alone may leave the normal range.",
	Params: twoFloats, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x, n := args[0], args[1]
		i := named("i", sub(asInt(add(n, f32(roundMagic))), i32(0x4b400000)))
		half := named("half", shr(i, i32(1)))
		rest := named("rest", sub(i, half))
		power := func(e *Expr) *Expr { return asFloat(shl(add(e, i32(127)), i32(23))) }
		return mul(mul(x, power(half)), power(rest))
	},
}

var fnExp = &Fn{
	Name: "exp",
	Doc: "is e^x: x = n*ln 2 + r, e^r by a polynomial of degree 6, scaled by 2^n.\n" +
		"Overflow gives +Inf, underflow goes through the subnormal numbers to 0.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		// Beyond the clamps the result is 0 or +Inf whatever x is.
		x := named("x1", clampMax(89, clampMin(-104, args[0])))
		_, n, r := expReduce(x)
		p := named("p", fma(fma(expTail(r), r, f32(1)), r, f32(1)))
		return fnScale.Call(p, n)
	},
}

// expm1Near is exp(x) - 1 for |x| <= 87.
func expm1Near(x *Expr) *Expr {
	sum, _, r := expReduce(x)
	p := named("p", fma(mul(r, r), expm1Tail(r), r))
	s := powerOfTwo(sum)
	return fma(p, s, sub(s, f32(1)))
}

var fnExpm1 = &Fn{
	Name: "expm1",
	Doc: "is e^x - 1, exact in relative terms near 0: 2^n*(e^r - 1) + (2^n - 1),\n" +
		"computed at half size so that 2^128 does not overflow too early.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := named("x1", clampMax(89, clampMin(-40, args[0])))
		sum, n, r := expReduce(x)
		p := named("p", fma(mul(r, r), expm1Tail(r), r))
		s := named("power", asFloat(add(shl(asInt(sum), i32(23)), i32(126<<23)))) // 2^n / 2
		h := named("h", fma(p, s, sub(s, f32(0.5))))
		// n = 0 keeps subnormal x; x = 0 keeps the sign.
		v := cond(equal(n, f32(0)), p, add(h, h))
		return cond(equal(args[0], f32(0)), args[0], v)
	},
}

var fnTanh = &Fn{
	Name: "tanh",
	Doc: "is the hyperbolic tangent: e / (e + 2) with e = exp(2|x|) - 1.\n" +
		"From |x| = 10 on the result is 1.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		a := named("a", clampMax(10, abs(args[0])))
		e := named("e", expm1Near(add(a, a)))
		return withSignOf(div(e, add(e, f32(2))), args[0])
	},
}

var fnSigmoid = &Fn{
	Name: "sigmoid",
	Doc: "is 1 / (1 + e^-x), with e = e^-|x| as e / (1 + e) for negative x,\n" +
		"so that small results keep their precision.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		e := named("e", fnExp.Call(neg(abs(args[0]))))
		return div(cond(less(args[0], f32(0)), e, f32(1)), add(f32(1), e))
	},
}

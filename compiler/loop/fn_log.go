package loop

import "github.com/mlc-go/mlc/compiler/dim"

const (
	exponentMask   = -1 << 23   // of the bits of a float32, as int32
	threeQuarters  = 0x3f400000 // bits of 0.75
	smallestNormal = 0x1p-126
)

// logTail is (log(1+f) - f) / f^2 for -1/4 <= f <= 1/2, relative to log(1+f) within 2^-27.
func logTail(f *Expr) *Expr {
	return named("q", horner(f, -0.5, 0x1.5555acp-2, -0x1.000082p-2, 0x1.996722p-3, -0x1.54d6dp-3, 0x1.287736p-3,
		-0x1.0e9086p-3, 0x1.b1d9d6p-4, -0x1.78f7f4p-5))
}

// logSum is n*ln 2 + log(1 + f). The rounding error of n*ln 2 + f goes into the tail.
func logSum(n, f *Expr) *Expr {
	big := named("big", mul(n, f32(ln2High))) // exact
	high := named("high", add(big, f))
	low := named("low", fma(n, f32(ln2Low), sub(f, sub(high, big))))
	return add(high, fma(mul(f, f), logTail(f), low))
}

// logLimits puts the values of log outside 0 < x < Inf around v, where u is the
// argument of the logarithm.
func logLimits(u, v *Expr) *Expr {
	v = cond(less(u, f32(infinity)), v, u) // +Inf and NaN
	v = cond(less(u, f32(0)), f32(notANumber), v)
	return cond(equal(u, f32(0)), f32(-infinity), v)
}

var fnLog = &Fn{
	Name: "log",
	Doc: "is the natural logarithm: x = 2^n * m with 3/4 <= m < 3/2, n*ln 2 + log(m)\n" +
		"with a polynomial of degree 10 in m - 1. log(0) is -Inf, of negative numbers NaN.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		tiny := named("tiny", less(x, f32(smallestNormal)))
		u := named("u", asInt(cond(tiny, mul(x, f32(0x1p23)), x)))
		e := named("e", and(sub(u, i32(threeQuarters)), i32(exponentMask)))
		f := named("f", sub(asFloat(sub(u, e)), f32(1)))
		n := named("n", sub(toFloat(shr(e, i32(23))), cond(tiny, f32(23), f32(0))))
		return logLimits(x, logSum(n, f))
	},
}

var fnLog1p = &Fn{
	Name: "log1p",
	Doc: "is log(1 + x), exact in relative terms near 0: with 2^n near 1 + x,\n" +
		"n*ln 2 + log(1 + f), f = x*2^-n + (2^-n - 1) in one rounding.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		u := named("u", add(x, f32(1)))
		e := named("e", and(sub(asInt(u), i32(threeQuarters)), i32(exponentMask)))
		s := named("s", asFloat(sub(i32(129<<23), e))) // 4 * 2^-n, which is normal for every n
		// The two halves of f are exact; x*2^-n itself may be subnormal only where it does not count.
		f := named("f", add(asFloat(sub(asInt(x), e)), fma(s, f32(0.25), f32(-1))))
		v := logLimits(u, logSum(toFloat(shr(e, i32(23))), f))
		return cond(equal(x, f32(0)), x, v)
	},
}

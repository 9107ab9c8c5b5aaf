package loop

import "github.com/mlc-go/mlc/compiler/dim"

const (
	// Up to here pi/2 in three parts is exact enough; beyond it the bits of 2/pi are.
	farAngle = 0x1p15

	twoOverPi  = 0x1.45f306p-1
	halfPiHigh = 0x1.921fb6p+0
	halfPiMid  = -0x1.777a5cp-25
	halfPiLow  = -0x1.ee59dap-50
	// 2*pi / 2^32 in two parts.
	turnHigh = 0x1.921fb6p-30
	turnLow  = -0x1.777a5cp-55
)

// piBits holds 2/pi as a binary fraction behind a word of zeros.
var piBits = [...]uint32{0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041}

// nearAngle writes a = q*pi/2 + r for 0 <= a < farAngle; quadrant has q mod 4 in its low bits.
func nearAngle(a *Expr) (quadrant, r *Expr) {
	sum := named("sum", fma(a, f32(twoOverPi), f32(roundMagic)))
	n := named("n", sub(sum, f32(roundMagic)))
	r = fma(neg(n), f32(halfPiHigh), a) // exact
	r = fma(neg(n), f32(halfPiMid), r)
	return asInt(sum), fma(neg(n), f32(halfPiLow), r)
}

// farAngleOf writes a = q*pi/2 + r for farAngle <= a < Inf (Payne and Hanek 1983):
// a is an integer m times a power of two, which shifts 96 bits out of 2/pi; the
// product with m, without the multiples of four, is q and a fraction of 62 bits.
func farAngleOf(a *Expr) (quadrant, r *Expr) {
	bits := named("bits", asUint(a))
	m := named("m", shl(or(bits, u32(0x800000)), u32(8)))
	// The first bit needed, counted from the start of piBits.
	first := named("first", sub(shr(bits, u32(23)), u32(128)))
	shift := named("shift", and(first, u32(31)))
	word := func(k int) *Expr {
		v := u32(piBits[k+3])
		for j := 2; j >= 0; j-- {
			v = cond(less(first, u32(uint32(32*(j+1)))), u32(piBits[k+j]), v)
		}
		return v
	}
	var raw [4]*Expr
	for k := range raw {
		raw[k] = named("raw", word(k))
	}
	var w [3]*Expr
	for k := range w {
		w[k] = named("w", or(shl(raw[k], shift), shr(shr(raw[k+1], u32(1)), sub(u32(31), shift))))
	}
	low := named("low", add(mul(m, w[1]), mulHi(m, w[2])))
	carry := cond(less(low, mul(m, w[1])), u32(1), u32(0))
	high := named("high", add(add(mul(m, w[0]), mulHi(m, w[1])), carry))

	q := named("q", shr(add(high, u32(1<<29)), u32(30)))
	frac := named("frac", node(Bitcast, dim.Int32, sub(high, shl(q, u32(30)))))
	// The magnitude, short of a unit of the last bit, so that both parts have one sign.
	sign := named("sign", shr(frac, i32(31)))
	frac = named("frac", node(Xor, dim.Int32, frac, sign))
	low = named("low", node(Xor, dim.Uint32, low, node(Bitcast, dim.Uint32, sign)))
	// The upper bits and the rest are exact as floats.
	upper := named("upper", toFloat(and(frac, i32(-1<<8))))
	rest := toFloat(node(Bitcast, dim.Int32, shr(low, u32(1))))
	rest = named("rest", fma(rest, f32(0x1p-31), toFloat(and(frac, i32(1<<8-1)))))
	r = fma(upper, f32(turnHigh), fma(upper, f32(turnLow), mul(rest, f32(turnHigh))))
	r = asFloat(node(Xor, dim.Int32, asInt(r), and(sign, i32(-1<<31))))
	return node(Bitcast, dim.Int32, q), r
}

// sine is the sine of x plus turns quarter turns.
func sine(x *Expr, turns int32, flip *Expr) *Expr {
	a := named("a", abs(x))
	nearQ, nearR := nearAngle(a)
	farQ, farR := farAngleOf(a)
	near := named("near", less(a, f32(farAngle)))
	r := named("r", cond(near, nearR, farR))
	q := named("quadrant", cond(near, nearQ, farQ))
	if turns != 0 {
		q = named("turned", add(q, i32(turns)))
	}

	t := named("t", mul(r, r))
	// (sin(r)/r - 1)/r^2 and (cos(r) - 1)/r^2 in r^2
	s := named("s", fma(mul(t, r), horner(t, -0x1.555556p-3, 0x1.111174p-7, -0x1.a05954p-13, 0x1.7c2c5p-19), r))
	c := named("c", fma(t, horner(t, -0.5, 0x1.555556p-5, -0x1.6c175ep-10, 0x1.a071b6p-16, -0x1.36147ap-22), f32(1)))
	v := named("v", cond(equal(and(q, i32(1)), i32(0)), s, c))
	sign := shl(and(q, i32(2)), i32(30))
	if flip != nil {
		sign = node(Xor, dim.Int32, sign, flip)
	}
	v = asFloat(node(Xor, dim.Int32, asInt(v), sign))
	return cond(less(a, f32(infinity)), v, sub(x, x)) // Inf and NaN give NaN
}

var fnSin = &Fn{
	Name: "sin",
	Doc: "is the sine of x in radians: x = q*pi/2 + r, a polynomial in r.\n" +
		"Every float32 is reduced exactly, also the largest.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		v := sine(x, 0, and(asInt(x), i32(-1<<31)))
		return cond(equal(x, f32(0)), x, v)
	},
}

var fnCos = &Fn{
	Name:   "cos",
	Doc:    "is the cosine of x in radians: the sine a quarter turn later.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr { return sine(args[0], 1, nil) },
}

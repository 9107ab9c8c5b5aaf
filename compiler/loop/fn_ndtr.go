package loop

import "github.com/mlc-go/mlc/compiler/dim"

// tailPiece is a polynomial for -log(1 - Phi(a)) - a^2/2 below an end, with the
// normal distribution function Phi: high + c[0] + c[1]*t + ..., t = a - middle.
// High has few bits.
type tailPiece struct {
	end, middle, high float64
	c                 [8]float64
}

var tailPieces = [...]tailPiece{
	{1.5, 0.75, 1.203125, [8]float64{0x1.3321b4p-14, 0x1.285596p-1, -0x1.d8f2f2p-4, 0x1.798b6ep-6, -0x1.f3c94p-9, 0x1.aa1812p-12, 0x1.5cedb2p-16, -0x1.5bfc46p-16}},
	{3.25, 2.375, 1.916015625, [8]float64{-0x1.b82ffcp-12, 0x1.563b4cp-2, -0x1.834a26p-5, 0x1.fb4f1cp-8, -0x1.46497ap-10, 0x1.81d938p-13, -0x1.86a176p-16, 0x1.1179aap-19}},
	{5.5, 4.375, 2.44140625, [8]float64{0x1.5b8472p-13, 0x1.ac9bdep-3, -0x1.4c8b9ep-6, 0x1.40f63ep-9, -0x1.45ed3ap-12, 0x1.4a3db6p-15, -0x1.4eb472p-18, 0x1.352706p-21}},
	{9, 7.25, 2.91796875, [8]float64{0x1.5cf8f4p-13, 0x1.10a264p-3, -0x1.18dc34p-7, 0x1.75b5f4p-11, -0x1.0ee96p-14, 0x1.96a6d4p-18, -0x1.4585d6p-21, 0x1.ea1e38p-25}},
	{15, 12.0, 3.4111328125, [8]float64{-0x1.e222dap-12, 0x1.50bfdp-4, -0x1.b52d6ap-9, 0x1.758238p-13, -0x1.61c6acp-17, 0x1.618ap-21, -0x1.89ca66p-25, 0x1.9b4bbep-29}},
}

// ofPiece selects a number by the piece that a lies in.
func ofPiece(below []*Expr, number func(p *tailPiece) float64) *Expr {
	last := len(tailPieces) - 1
	v := f32(number(&tailPieces[last]))
	for i := last - 1; i >= 0; i-- {
		v = cond(below[i], f32(number(&tailPieces[i])), v)
	}
	return v
}

// normalTail is 1 - Phi(a) for 0 <= a <= 15 as p * 2^n, with a small relative
// error: exp(-S) with S = a^2/2 + the polynomial. S is never rounded as a whole; its large parts
// meet the multiple of ln 2 first, with which they nearly cancel.
func normalTail(a *Expr) (p, n *Expr) {
	below := make([]*Expr, len(tailPieces)-1)
	for i := range below {
		below[i] = named("below", less(a, f32(tailPieces[i].end)))
	}
	square := named("square", mul(a, a))
	squareLow := named("squareLow", fma(a, a, neg(square)))
	t := named("t", sub(a, ofPiece(below, func(p *tailPiece) float64 { return p.middle })))
	high := named("high", ofPiece(below, func(p *tailPiece) float64 { return p.high }))
	g := ofPiece(below, func(p *tailPiece) float64 { return p.c[7] })
	for k := 6; k >= 0; k-- {
		g = fma(g, t, ofPiece(below, func(p *tailPiece) float64 { return p.c[k] }))
	}
	g = named("g", g)

	s := fma(f32(0.5), square, add(high, g))
	sum := named("sum", fma(s, f32(log2E), f32(roundMagic)))
	n = named("n", sub(sum, f32(roundMagic)))
	d := fma(neg(n), f32(ln2High), high) // exact
	d = add(fma(f32(0.5), square, d), g)
	d = add(d, fma(neg(n), f32(ln2Low), mul(f32(0.5), squareLow)))
	r := named("r", neg(d))
	p = named("p", fma(fma(expm1Tail(r), r, f32(1)), r, f32(1)))
	return p, neg(n)
}

var fnNdtr = &Fn{
	Name: "ndtr",
	Doc: "is the distribution function of the standard normal distribution, exact in\n" +
		"relative terms also far below 0.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		p, n := normalTail(named("a", clampMax(15, abs(x))))
		tail := named("tail", fnScale.Call(p, n))
		return cond(less(x, f32(0)), tail, sub(f32(1), tail))
	},
}

var fnGelu = &Fn{
	Name: "gelu_erf",
	Doc: "is x times the distribution function of the standard normal distribution.\n" +
		"The product is taken before the scaling, so that subnormal results are rounded\n" +
		"once.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		a := named("a", clampMax(15, abs(x)))
		p, n := normalTail(a)
		tail := named("tail", fnScale.Call(mul(a, p), n)) // |x| * (1 - Phi(|x|))
		return cond(less(x, f32(0)), neg(tail), sub(x, tail))
	},
}

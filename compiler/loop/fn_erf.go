package loop

import "github.com/mlc-go/mlc/compiler/dim"

// erfSwitch is where the two forms of erf meet.
const erfSwitch = 0.92

var fnErf = &Fn{
	Name: "erf",
	Doc: "is the error function: x + x*P(x^2) below 0.92, 1 - exp(-Q(|x|)) above.\n" +
		"From |x| = 4 on the result is 1.",
	Params: oneFloat, Result: dim.Float32,
	Body: func(args []*Expr) *Expr {
		x := args[0]
		a := named("a", clampMax(4, abs(x)))
		// erf(x)/x - 1 in x^2
		t := named("t", mul(a, a))
		small := named("small", fma(horner(t, 0x1.06eba6p-3, -0x1.8126eap-2, 0x1.ce1b0ep-4, -0x1.b6939p-6, 0x1.476886p-8,
			-0x1.3ac5bcp-11), a, a))
		// -log(1 - erf(x)) = x + x*Q(x)
		q := named("tail", fma(horner(a, 0x1.0778dcp-3, 0x1.45328ep-1, 0x1.b3256ap-4, -0x1.855138p-6, 0x1.dd6c42p-9,
			-0x1.527b1cp-12, 0x1.78de3p-17), a, a))
		large := sub(f32(1), expNear(neg(q)))
		return withSignOf(cond(less(a, f32(erfSwitch)), small, large), x)
	},
}

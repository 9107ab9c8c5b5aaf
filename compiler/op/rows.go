package op

import (
	"math"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

type (
	exprs = []*loop.Expr
	vals  = []*ir.Value
)

// arithmeticRows are the rows that are one scalar operation.
func arithmeticRows() []Row {
	return []Row{
		{Name: "add", Arity: 2, Kind: Numeric, Doc: "x + y", Expr: bin(loop.Add), Eval: f2(func(a, b float64) float64 { return a + b }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return vals{dy, dy} }},
		{Name: "sub", Arity: 2, Kind: Numeric, Doc: "x - y", Expr: bin(loop.Sub), Eval: f2(func(a, b float64) float64 { return a - b }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return vals{dy, g.ap("neg", dy)} }},
		{Name: "mul", Arity: 2, Kind: Numeric, Doc: "x y", Expr: bin(loop.Mul), Eval: f2(func(a, b float64) float64 { return a * b }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return vals{g.mul(dy, x[1]), g.mul(dy, x[0])} }},
		{Name: "div", Arity: 2, Kind: Float, Doc: "x / y", Expr: bin(loop.Div), Eval: f2(func(a, b float64) float64 { return a / b }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				dx := g.ap("div", dy, x[1])
				return vals{dx, g.ap("neg", g.mul(dx, y))} // -dy x / y^2
			}},
		{Name: "floor_divide", Arity: 2, Kind: Integer, Doc: "floor(x / y); 0 where y is 0", Expr: bin(loop.FloorDiv), Eval: f2(floorDiv)},
		{Name: "mod", Arity: 2, Kind: Integer, Doc: "x - y floor(x / y)", Expr: bin(loop.Mod),
			Eval: f2(func(a, b float64) float64 {
				if b == 0 {
					return 0
				}
				return a - b*floorDiv(a, b)
			})},
		{Name: "neg", Arity: 1, Kind: Numeric, Doc: "-x", Expr: un(loop.Neg), Eval: f1(func(a float64) float64 { return -a }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return vals{g.ap("neg", dy)} }},
		{Name: "abs", Arity: 1, Kind: Numeric, Doc: "|x|; its derivative at 0 is 0", Expr: un(loop.Abs), Eval: f1(math.Abs),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, g.ap("sign", x[0])) }},
		{Name: "sign", Arity: 1, Kind: Numeric, Doc: "-1, 0 or 1; its derivative is 0", Expr: signExpr,
			Eval: f1(func(a float64) float64 {
				switch {
				case a > 0:
					return 1
				case a < 0:
					return -1
				}
				return a
			})},
		{Name: "sqrt", Arity: 1, Kind: Float, Doc: "the square root; its derivative at 0 is +Inf", Expr: un(loop.Sqrt), Eval: f1(math.Sqrt),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return vals{g.ap("div", dy, g.ap("add", y, y))}
			}},
		{Name: "rsqrt", Arity: 1, Kind: Float, Doc: "1 / sqrt(x), two roundings",
			Expr: func(b *loop.Builder, x exprs) *loop.Expr {
				return b.Bin(loop.Div, b.Number(x[0].Type, 1), b.Un(loop.Sqrt, x[0]))
			},
			Eval: f1(func(a float64) float64 { return 1 / math.Sqrt(a) }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { // -y / (2 x)
				return g.times(dy, g.mul(g.num(y, -0.5), g.ap("div", y, x[0])))
			}},
		{Name: "floor", Arity: 1, Kind: Float, Doc: "the largest whole number not above x; derivative 0", Expr: un(loop.Floor), Eval: f1(math.Floor)},
		{Name: "ceil", Arity: 1, Kind: Float, Doc: "the smallest whole number not below x; derivative 0",
			Expr: func(b *loop.Builder, x exprs) *loop.Expr {
				return b.Un(loop.Neg, b.Un(loop.Floor, b.Un(loop.Neg, x[0])))
			}, Eval: f1(math.Ceil)},
		{Name: "round", Arity: 1, Kind: Float, Doc: "the nearest whole number, ties to even; derivative 0", Expr: un(loop.Round), Eval: f1(math.RoundToEven)},
		{Name: "max", Arity: 2, Kind: Numeric, Doc: "x > y ? x : y; a tie gives y, and its derivative to y: max(x, 0) has derivative 0 at 0",
			Expr: bin(loop.Max), Eval: f2(func(a, b float64) float64 {
				if a > b {
					return a
				}
				return b
			}),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.choose("gt", vals{y, x[1]}, dy) }}, // as x > x[1], and y is kept anyway
		{Name: "min", Arity: 2, Kind: Numeric, Doc: "x < y ? x : y; a tie gives y, and its derivative to y",
			Expr: bin(loop.Min), Eval: f2(func(a, b float64) float64 {
				if a < b {
					return a
				}
				return b
			}),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.choose("lt", vals{y, x[1]}, dy) }},
		{Name: "select", Arity: 3, Kind: Choice, Doc: "c ? x : y",
			Expr: func(b *loop.Builder, x exprs) *loop.Expr { return b.Select(x[0], x[1], x[2]) },
			Eval: func(x []float64) float64 {
				if x[0] != 0 {
					return x[1]
				}
				return x[2]
			},
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				zero := g.num(dy, 0)
				return vals{nil, g.ap("select", x[0], dy, zero), g.ap("select", x[0], zero, dy)}
			}},
	}
}

// choose routes dy to the first argument where the comparison holds, else to the second.
func (g *Derivative) choose(compare string, x vals, dy *ir.Value) vals {
	c, zero := g.ap(compare, x[0], x[1]), g.num(dy, 0)
	return vals{g.ap("select", c, dy, zero), g.ap("select", c, zero, dy)}
}

func signExpr(b *loop.Builder, x exprs) *loop.Expr {
	zero := b.Number(x[0].Type, 0)
	pos := b.Select(b.Bin(loop.Lt, zero, x[0]), b.Number(x[0].Type, 1), x[0])
	return b.Select(b.Bin(loop.Lt, x[0], zero), b.Number(x[0].Type, -1), pos)
}

// functionRows are the transcendental functions.
func functionRows() []Row {
	return []Row{
		{Name: "exp", Arity: 1, Kind: Float, Costly: true, Doc: "e^x", Expr: call("exp"), Eval: f1(math.Exp),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, y) }},
		{Name: "expm1", Arity: 1, Kind: Float, Costly: true, Doc: "e^x - 1, precise near 0", Expr: call("expm1"), Eval: f1(math.Expm1),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, g.ap("add", y, g.num(y, 1))) }},
		{Name: "log", Arity: 1, Kind: Float, Costly: true, Doc: "the natural logarithm", Expr: call("log"), Eval: f1(math.Log),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return vals{g.ap("div", dy, x[0])} }},
		{Name: "log1p", Arity: 1, Kind: Float, Costly: true, Doc: "log(1 + x), precise near 0", Expr: call("log1p"), Eval: f1(math.Log1p),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return vals{g.ap("div", dy, g.ap("add", x[0], g.num(dy, 1)))}
			}},
		{Name: "sin", Arity: 1, Kind: Float, Costly: true, Doc: "the sine", Expr: call("sin"), Eval: f1(math.Sin),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, g.ap("cos", x[0])) }},
		{Name: "cos", Arity: 1, Kind: Float, Costly: true, Doc: "the cosine", Expr: call("cos"), Eval: f1(math.Cos),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, g.ap("neg", g.ap("sin", x[0]))) }},
		{Name: "tan", Arity: 1, Kind: Float, Costly: true, Doc: "sin(x) / cos(x), two roundings",
			Expr: func(b *loop.Builder, x exprs) *loop.Expr {
				return b.Bin(loop.Div, call("sin")(b, x), call("cos")(b, x))
			}, Eval: f1(math.Tan),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return g.times(dy, g.ap("add", g.mul(y, y), g.num(y, 1)))
			}},
		{Name: "tanh", Arity: 1, Kind: Float, Costly: true, Doc: "the hyperbolic tangent", Expr: call("tanh"), Eval: f1(math.Tanh),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return g.times(dy, g.ap("sub", g.num(y, 1), g.mul(y, y)))
			}},
		{Name: "sigmoid", Arity: 1, Kind: Float, Costly: true, Doc: "1 / (1 + e^-x)", Expr: call("sigmoid"), Eval: f1(func(a float64) float64 { return 1 / (1 + math.Exp(-a)) }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return g.times(dy, g.mul(y, g.ap("sub", g.num(y, 1), y)))
			}},
		{Name: "erf", Arity: 1, Kind: Float, Costly: true, Doc: "2/sqrt(pi) times the integral of e^-t^2 from 0 to x", Expr: call("erf"), Eval: f1(math.Erf),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				e := g.ap("exp", g.ap("neg", g.mul(x[0], x[0])))
				return g.times(dy, g.mul(g.num(y, 2/math.SqrtPi), e))
			}},
		{Name: "ndtr", Arity: 1, Kind: Float, Costly: true, Doc: "the distribution function of the standard normal distribution", Expr: call("ndtr"), Eval: f1(normalCDF),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals { return g.times(dy, g.normalDensity(x[0], y)) }},
		{Name: "gelu_erf", Arity: 1, Kind: Float, Costly: true, Doc: "x * ndtr(x), with a small relative error for all x", Expr: call("gelu_erf"),
			Eval: f1(func(a float64) float64 { return a * normalCDF(a) }),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				return g.times(dy, g.ap("add", g.ap("ndtr", x[0]), g.mul(x[0], g.normalDensity(x[0], y))))
			}},
		{Name: "pow", Arity: 2, Kind: Float, Costly: true, Doc: "x^y; the derivative by y is 0 where x is 0", Expr: call("pow"), Eval: f2(math.Pow),
			Grad: func(g *Derivative, x vals, y, dy *ir.Value) vals {
				one, zero := g.num(y, 1), g.num(y, 0)
				dx := g.mul(x[1], g.ap("pow", x[0], g.ap("sub", x[1], one)))
				dx = g.ap("select", g.ap("eq", x[1], zero), zero, dx)
				l := g.mul(y, g.ap("log", x[0]))
				l = g.ap("select", g.ap("eq", x[0], zero), zero, l)
				return vals{g.mul(dy, dx), g.mul(dy, l)}
			}},
	}
}

// comparisonRows give truth values, or combine them.
func comparisonRows() []Row {
	return []Row{
		{Name: "lt", Arity: 2, Kind: Comparison, Doc: "x < y", Expr: bin(loop.Lt), Eval: truth(func(a, b float64) bool { return a < b })},
		{Name: "le", Arity: 2, Kind: Comparison, Doc: "x <= y", Expr: bin(loop.Le), Eval: truth(func(a, b float64) bool { return a <= b })},
		{Name: "gt", Arity: 2, Kind: Comparison, Doc: "x > y", Expr: swapped(loop.Lt), Eval: truth(func(a, b float64) bool { return a > b })},
		{Name: "ge", Arity: 2, Kind: Comparison, Doc: "x >= y", Expr: swapped(loop.Le), Eval: truth(func(a, b float64) bool { return a >= b })},
		{Name: "eq", Arity: 2, Kind: Comparison, Doc: "x == y", Expr: bin(loop.Eq), Eval: truth(func(a, b float64) bool { return a == b })},
		{Name: "ne", Arity: 2, Kind: Comparison, Doc: "x != y", Expr: bin(loop.Ne), Eval: truth(func(a, b float64) bool { return a != b })},
		{Name: "and", Arity: 2, Kind: Logic, Doc: "both", Expr: bin(loop.And), Eval: truth(func(a, b float64) bool { return a != 0 && b != 0 })},
		{Name: "or", Arity: 2, Kind: Logic, Doc: "either", Expr: bin(loop.Or), Eval: truth(func(a, b float64) bool { return a != 0 || b != 0 })},
		{Name: "not", Arity: 1, Kind: Logic, Doc: "the opposite", Expr: un(loop.Not), Eval: f1(func(a float64) float64 { return 1 - a })},
		{Name: "is_nan", Arity: 1, Kind: Predicate, Doc: "x is not a number",
			Expr: func(b *loop.Builder, x exprs) *loop.Expr { return b.Bin(loop.Ne, x[0], x[0]) },
			Eval: truthOf(math.IsNaN)},
	}
}

func truthOf(f func(float64) bool) func([]float64) float64 {
	return func(x []float64) float64 {
		if f(x[0]) {
			return 1
		}
		return 0
	}
}

// normalCDF is the distribution function of the standard normal distribution.
func normalCDF(a float64) float64 { return 0.5 * math.Erfc(-a/math.Sqrt2) }

// normalDensity is exp(-x^2/2) / sqrt(2 pi) in y's type.
func (g *Derivative) normalDensity(x, y *ir.Value) *ir.Value {
	e := g.ap("exp", g.mul(g.num(y, -0.5), g.mul(x, x)))
	return g.mul(g.num(y, 1/math.Sqrt(2*math.Pi)), e)
}

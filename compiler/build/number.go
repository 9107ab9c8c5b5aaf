package build

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// maxBits bounds the numerator and denominator of an exact number.
const maxBits = 512

// ratMillionth is what PyTorch adds to a norm before it divides by it.
var ratMillionth = big.NewRat(1, 1_000_000)

// number is a compile-time number: an exact rational, or a float64 that came
// from a function such as sqrt and may not enter a shape.
type number struct {
	exact *big.Rat // nil when inexact
	float float64  // of an inexact number
}

func (number) kind() string { return "a number" }

func integer(n int64) number { return number{exact: new(big.Rat).SetInt64(n)} }

func inexact(f float64) number { return number{float: f} }

// parseNumber reads a literal. Its error is a whole sentence for a message.
func parseNumber(s string) (number, error) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exp, err := strconv.Atoi(s[i+1:]); err != nil || exp > 400 || exp < -400 {
			return number{}, fmt.Errorf("the number %s is too large", s)
		}
	}
	if len(s) > 400 {
		return number{}, fmt.Errorf("the number has more than %d bits", maxBits)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return number{}, fmt.Errorf("%s is not a number", s)
	}
	n := number{exact: r}
	if !n.fits() {
		return n, fmt.Errorf("the number has more than %d bits", maxBits)
	}
	return n, nil
}

// fits reports whether an exact number stays within its bounds. Literals such
// as 1e-300 are allowed a larger denominator.
func (n number) fits() bool {
	return n.exact == nil || n.exact.Num().BitLen() <= maxBits && n.exact.Denom().BitLen() <= 4*maxBits
}

// value returns the nearest float64.
func (n number) value() float64 {
	if n.exact == nil {
		return n.float
	}
	f, _ := n.exact.Float64()
	return f
}

// int64 returns a whole number that fits.
func (n number) int64() (int64, bool) {
	if n.exact == nil || !n.exact.IsInt() || !n.exact.Num().IsInt64() {
		return 0, false
	}
	return n.exact.Num().Int64(), true
}

func (n number) isWhole() bool { return n.exact != nil && n.exact.IsInt() }

func (n number) cmp(m number) int {
	if n.exact != nil && m.exact != nil {
		return n.exact.Cmp(m.exact)
	}
	a, b := n.value(), m.value()
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// String prints a whole number as digits and others as the nearest float64.
func (n number) String() string {
	if n.isWhole() {
		return n.exact.Num().String()
	}
	return strconv.FormatFloat(n.value(), 'g', -1, 64)
}

// numberOps are the operators on two numbers; div and mod have a divisor that is not zero.
var numberOps = map[string]struct {
	exact func(z, x, y *big.Rat) *big.Rat
	float func(x, y float64) float64
}{
	"+": {(*big.Rat).Add, func(x, y float64) float64 { return x + y }},
	"-": {(*big.Rat).Sub, func(x, y float64) float64 { return x - y }},
	"*": {(*big.Rat).Mul, func(x, y float64) float64 { return x * y }},
	"/": {(*big.Rat).Quo, func(x, y float64) float64 { return x / y }},
	"%": {exactMod, func(x, y float64) float64 { return x - y*math.Floor(x/y) }},
	"floor_divide": {
		func(z, x, y *big.Rat) *big.Rat { return floorRat(z.Quo(x, y)) },
		func(x, y float64) float64 { return math.Floor(x / y) },
	},
	"min": {
		func(z, x, y *big.Rat) *big.Rat {
			if x.Cmp(y) <= 0 {
				return z.Set(x)
			}
			return z.Set(y)
		}, math.Min,
	},
	"max": {
		func(z, x, y *big.Rat) *big.Rat {
			if x.Cmp(y) >= 0 {
				return z.Set(x)
			}
			return z.Set(y)
		}, math.Max,
	},
	"pow": {exactPow, func(x, y float64) float64 { return scalar.New(scalar.Pow, scalar.Num(x), scalar.Num(y)).Value }},
}

func floorRat(r *big.Rat) *big.Rat {
	q := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: floor for a positive divisor
	return new(big.Rat).SetInt(q)
}

// exactMod is x - y*floor(x/y), which has the sign of y.
func exactMod(z, x, y *big.Rat) *big.Rat {
	q := floorRat(new(big.Rat).Quo(x, y))
	return z.Sub(x, q.Mul(q, y))
}

// exactPow is x to a whole power of moderate size, and nil otherwise.
func exactPow(z, x, y *big.Rat) *big.Rat {
	if !y.IsInt() || !y.Num().IsInt64() {
		return nil
	}
	n := y.Num().Int64()
	if n < -maxBits || n > maxBits || x.Sign() == 0 && n < 0 {
		return nil
	}
	if int64(max(x.Num().BitLen(), x.Denom().BitLen()))*max(n, -n) > 8*maxBits {
		return nil
	}
	e := big.NewInt(max(n, -n))
	num, den := new(big.Int).Exp(x.Num(), e, nil), new(big.Int).Exp(x.Denom(), e, nil)
	if n < 0 {
		num, den = den, num
	}
	return z.SetFrac(num, den)
}

// combine applies an operator of numberOps.
func (n number) combine(name string, m number) number {
	o := numberOps[name]
	if n.exact != nil && m.exact != nil {
		if r := o.exact(new(big.Rat), n.exact, m.exact); r != nil {
			return number{exact: r}
		}
	}
	return inexact(o.float(n.value(), m.value()))
}

// numberFuncs are the functions of one number that give a rounded float64. They
// are the host's functions, which give the same bits on every machine.
var numberFuncs = map[string]func(float64) float64{
	"sqrt": math.Sqrt, "exp": hostFunc(scalar.Exp), "log": hostFunc(scalar.Log), "sin": hostFunc(scalar.Sin), "cos": hostFunc(scalar.Cos),
	"rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"tan":   func(x float64) float64 { return hostFunc(scalar.Sin)(x) / hostFunc(scalar.Cos)(x) },
	"log1p": func(x float64) float64 { return hostFunc(scalar.Log)(1 + x) },
	"expm1": func(x float64) float64 { return hostFunc(scalar.Exp)(x) - 1 },
	"tanh": func(x float64) float64 {
		e := hostFunc(scalar.Exp)(-2 * math.Abs(x))
		return math.Copysign((1-e)/(1+e), x)
	},
	"sigmoid": func(x float64) float64 { return 1 / (1 + hostFunc(scalar.Exp)(-x)) },
}

// hostFunc is a host scalar's function of constants.
func hostFunc(op scalar.Op) func(float64) float64 {
	return func(x float64) float64 { return scalar.New(op, scalar.Num(x)).Value }
}

// exactFuncs are the functions of one number that keep it exact.
var exactFuncs = map[string]func(*big.Rat) *big.Rat{
	"neg":   func(x *big.Rat) *big.Rat { return new(big.Rat).Neg(x) },
	"abs":   func(x *big.Rat) *big.Rat { return new(big.Rat).Abs(x) },
	"sign":  func(x *big.Rat) *big.Rat { return new(big.Rat).SetInt64(int64(x.Sign())) },
	"floor": floorRat,
	"ceil": func(x *big.Rat) *big.Rat {
		return new(big.Rat).Neg(floorRat(new(big.Rat).Neg(x)))
	},
	"round": func(x *big.Rat) *big.Rat { // half to even
		twice := new(big.Rat).Add(x, big.NewRat(1, 2))
		f := floorRat(twice)
		if f.Cmp(twice) == 0 && f.Num().Bit(0) == 1 {
			f.Sub(f, big.NewRat(1, 1))
		}
		return f
	},
}

var floatFuncs = map[string]func(float64) float64{
	"neg": func(x float64) float64 { return -x }, "abs": math.Abs, "floor": math.Floor, "ceil": math.Ceil, "round": math.RoundToEven,
	"sign": func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	},
}

// call applies a function of one number; ok is false when there is no such
// function of numbers.
func (n number) call(name string) (m number, ok bool) {
	if f, ok := exactFuncs[name]; ok {
		if n.exact != nil {
			return number{exact: f(n.exact)}, true
		}
		return inexact(floatFuncs[name](n.float)), true
	}
	if f, ok := numberFuncs[name]; ok {
		return inexact(f(n.value())), true
	}
	return number{}, false
}

// asDim converts a whole number or dimension; ok is false for others.
func asDim(v value) (dim.Dim, bool) {
	switch v := v.(type) {
	case number:
		n, ok := v.int64()
		return dim.Const(n), ok
	case dimension:
		return v.d, true
	}
	return dim.Dim{}, false
}

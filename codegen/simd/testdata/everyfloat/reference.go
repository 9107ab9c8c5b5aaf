package main

import "math"

// The references: Go's functions of float64, and where an argument is so small
// or so large that a few terms are exact to far below a float32's last place,
// those. That is three quarters of all float32. The errors are below 1e-5 units
// of a float32's last place.

const (
	small    = 0x1p-13
	rootTau  = 2.50662827463100050241576528481104525 // sqrt(2 pi)
	rootPi   = 1.77245385090551602729816748334114518
	overflow = 90   // exp of more is above every float32
	vanish   = -120 // exp of less is below every float32
)

func exp(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return 1 + x*(1+x*(0.5+x/6))
	case x > overflow:
		return math.Inf(1)
	case x < vanish:
		return 0
	}
	return math.Exp(x)
}

func expm1(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return x * (1 + x*(0.5+x*(1./6+x/24)))
	case x > overflow:
		return math.Inf(1)
	case x < -50:
		return -1
	}
	return math.Expm1(x)
}

// logs are the logarithms of the fractions of float32, 1 to 2.
var logs = func() []float64 {
	t := make([]float64, 1<<23)
	for i := range t {
		t[i] = math.Log(1 + float64(i)*0x1p-23)
	}
	return t
}()

// log is the logarithm of a float32: away from 1 by exponent and fraction, whose
// logarithms do not cancel there.
func log(x float64) float64 {
	if !(x < 0.5 || x >= 2) || !(x > 0) || x > math.MaxFloat32 {
		return math.Log(x)
	}
	bits := math.Float64bits(x)
	return float64(int(bits>>52)-1023)*math.Ln2 + logs[bits>>29&(1<<23-1)]
}

func log1p(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return x * (1 - x*(0.5-x*(1./3-x/4)))
	case x > 0x1p13:
		return log(x) + (1-(0.5-1/(3*x))/x)/x
	}
	return math.Log1p(x)
}

func tanh(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return x * (1 - x*x/3)
	case math.Abs(x) > 20:
		return math.Copysign(1, x)
	}
	return math.Tanh(x)
}

func sigmoid(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return 0.5 + x*(0.25-x*x/48)
	case x > 50:
		return 1
	case x < 0:
		e := exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + exp(-x))
}

func erf(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return 2 / rootPi * x * (1 - x*x*(1./3-x*x/10))
	case math.Abs(x) > 7:
		return math.Copysign(1, x)
	}
	return math.Erf(x)
}

// ndtr is the distribution function of the standard normal distribution.
func ndtr(x float64) float64 {
	switch {
	case math.Abs(x) < small:
		return 0.5 + x*(1-x*x/6)/rootTau
	case x > 10:
		return 1
	case x < -16:
		return 0
	}
	return 0.5 * math.Erfc(-x/math.Sqrt2)
}

func gelu(x float64) float64 {
	if x < -16 {
		return math.Copysign(0, -1)
	}
	return x * ndtr(x)
}

func sin(x float64) float64 {
	if math.Abs(x) < small {
		return x * (1 - x*x*(1./6-x*x/120))
	}
	return math.Sin(x)
}

func cos(x float64) float64 {
	if math.Abs(x) < small {
		return 1 - x*x*(0.5-x*x/24)
	}
	return math.Cos(x)
}

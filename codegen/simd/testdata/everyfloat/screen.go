package main

import "math"

// part is the number of neighbours that a screen covers. All are equally far apart.
const part = 4096

// screen is what a function gives for neighbours, to far below a float32's last place:
// a polynomial through some values of the reference, or turns by small angles.
type screen struct {
	want [part]float64
	off  float64 // how far want may be from the reference

	step     float64 // that sin and cos are for
	sin, cos [turns]float64
}

const turns = 64

// degree of the polynomial; it goes through the values at the nodes, and is checked
// between them, where it is worst.
const degree = 5

var nodes, checks = places(degree+1, 0.5), places(degree+2, 0)

// places are Chebyshev's in a part, or the ends and those between.
func places(n int, from float64) (at []int) {
	for k := range n {
		at = append(at, int(math.Round((part-1)/2.0*(1-math.Cos(math.Pi*(float64(k)+from)/(degree+1))))))
	}
	return at
}

// fit makes the screen of a part, if there is one that is sharp enough.
func (s *screen) fit(x []float32, f *function) bool {
	return s.polynomial(x, f.ref) || f.shape >= sine && s.turn(x, f)
}

func place(i int) float64 { return (float64(i) - (part-1)/2.0) / (part / 2) }

func (s *screen) polynomial(x []float32, ref func(float64) float64) bool {
	var c [degree + 1]float64 // Newton's coefficients
	size := 0.0
	for k, i := range nodes {
		c[k] = ref(float64(x[i]))
		size = max(size, math.Abs(c[k]))
	}
	for d := 1; d <= degree; d++ {
		for k := degree; k >= d; k-- {
			c[k] = (c[k] - c[k-1]) / (place(nodes[k]) - place(nodes[k-d]))
		}
	}
	var p [degree + 1]float64 // those of the powers
	for k := degree; k >= 0; k-- {
		for j := degree; j > 0; j-- {
			p[j] = p[j-1] - place(nodes[k])*p[j]
		}
		p[0] = c[k] - place(nodes[k])*p[0]
	}
	value := func(i int) float64 {
		u := place(i)
		return p[0] + u*(p[1]+u*(p[2]+u*(p[3]+u*(p[4]+u*p[5]))))
	}
	worst := 0.0
	for _, i := range checks {
		worst = max(worst, math.Abs(value(i)-ref(float64(x[i]))))
	}
	if !(worst <= 0x1p-38*size && size < math.MaxFloat32) {
		return false
	}
	s.off = 8*worst + 0x1p-38*size
	for i := range s.want {
		s.want[i] = value(i)
	}
	return true
}

// turn takes sines or cosines of every 64th value and turns them.
func (s *screen) turn(x []float32, f *function) bool {
	step := float64(x[1]) - float64(x[0])
	if math.IsInf(float64(x[0]), 0) || x[0] != x[0] {
		return false
	}
	if s.step != step {
		s.step = step
		for i := range s.sin {
			s.sin[i], s.cos[i] = math.Sincos(float64(i) * step)
		}
	}
	for lo := 0; lo < part; lo += turns {
		sin, cos := math.Sincos(float64(x[lo]))
		if f.shape == cosine {
			sin, cos = cos, -sin
		}
		for i := range turns {
			s.want[lo+i] = sin*s.cos[i] + cos*s.sin[i]
		}
	}
	s.off = 0x1p-44
	for _, i := range checks {
		if !(math.Abs(s.want[i]-f.ref(float64(x[i]))) <= s.off/8) {
			return false
		}
	}
	return true
}

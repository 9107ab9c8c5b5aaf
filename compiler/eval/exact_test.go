package eval

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// reduction is a program of one kernel over an input of n numbers.
func reduction(t *testing.T, phase string, n int) *loop.Program {
	t.Helper()
	p, err := loop.Parse(fmt.Sprintf(`program P "p.ml"
kernel k {
  param x f32[%d] read
  param w f32[%d] read
  param y f32[] write
  space ()
  %s
  map () {
    store y[] = r
  }
}
func f forward {
  buffer b1 x input f32[%d]
  buffer b2 w input f32[%d]
  buffer b3 y output f32[]
  call k(x = b1, w = b2, y = b3)
  output "y" = b3
}
`, n, n, fmt.Sprintf(phase, n), n, n))
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Verify(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func runOne(t *testing.T, p *loop.Program, x, w []float32) float32 {
	t.Helper()
	m, err := NewExact(p)
	if err != nil {
		t.Fatal(err)
	}
	words := func(v []float32) []uint64 {
		out := make([]uint64, len(v))
		for i, f := range v {
			out[i] = Bits(float64(f), dim.Float32)
		}
		return out
	}
	out, err := m.Run(p.Funcs[0], nil, words(x), words(w))
	if err != nil {
		t.Fatal(err)
	}
	return float32(Number(out[0][0], dim.Float32))
}

func numbers(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 5))
	out := make([]float32, n)
	for i := range out {
		out[i] = (r.Float32() - 0.5) * float32(math.Exp2(float64(r.IntN(20))))
	}
	return out
}

var lengths = []int{0, 1, 5, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 2500}

// TestLaneSums writes the order of the float contract out a second time.
func TestLaneSums(t *testing.T) {
	for _, n := range lengths {
		x := numbers(n)
		var total float32
		for base := 0; base < n; base += 1024 {
			var lane [32]float32
			for i := base; i < min(base+1024, n); i++ {
				lane[i%32] += x[i]
			}
			for w := 16; w >= 1; w /= 2 {
				for l := range w {
					lane[l] += lane[l+w]
				}
			}
			if base == 0 {
				total = lane[0]
			} else {
				total += lane[0]
			}
		}
		got := runOne(t, reduction(t, "reduce (i < %d) lanes {\n r f32 = sum x[i]\n }", n), x, x)
		if math.Float32bits(got) != math.Float32bits(total) {
			t.Errorf("%d elements: %v, want %v", n, got, total)
		}
	}
}

func TestSerialSums(t *testing.T) {
	for _, n := range lengths {
		x := numbers(n)
		var total float32
		for base := 0; base < n; base += 256 {
			var block float32
			for _, v := range x[base:min(base+256, n)] {
				block += v
			}
			if base == 0 {
				total = block
			} else {
				total += block
			}
		}
		got := runOne(t, reduction(t, "reduce (i < %d) serial {\n r f32 = sum x[i]\n }", n), x, x)
		if math.Float32bits(got) != math.Float32bits(total) {
			t.Errorf("%d elements: %v, want %v", n, got, total)
		}
	}
}

// TestContractions rounds each product and sum once with arbitrary precision.
func TestContractions(t *testing.T) {
	for _, n := range lengths {
		x, w := numbers(n), numbers(n + 1)[:n]
		var total float32
		for base := 0; base < n; base += 1024 {
			var acc float32
			for i := base; i < min(base+1024, n); i++ {
				acc = fmaBig(x[i], w[i], acc)
			}
			if base == 0 {
				total = acc
			} else {
				total += acc
			}
		}
		got := runOne(t, reduction(t, "contract (i < %d) {\n r f32 = x[i] * w[i]\n }", n), x, w)
		if math.Float32bits(got) != math.Float32bits(total) {
			t.Errorf("%d elements: %v, want %v", n, got, total)
		}
	}
}

func fmaBig(a, b, c float32) float32 {
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(float64(v)) }
	p := new(big.Float).SetPrec(400).Mul(exact(a), exact(b))
	s := p.Add(p, exact(c))
	if s.Sign() == 0 {
		return a*b + c // the sign of zero
	}
	f, _ := s.Float32()
	return f
}

// TestExtremes covers ties and NaN, which the order must not decide.
func TestExtremes(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		x        []float32
		max, min float32
		at       int
	}{
		{[]float32{1, 3, 3, 2}, 3, 1, 1},
		{[]float32{-1, -1}, -1, -1, 0},
		{[]float32{1, nan, 5, nan}, nan, nan, 1},
		{[]float32{float32(math.Inf(-1)), float32(math.Inf(-1))}, float32(math.Inf(-1)), float32(math.Inf(-1)), 0},
	} {
		for op, want := range map[string]float32{"max": c.max, "min": c.min} {
			got := runOne(t, reduction(t, "reduce (i < %d) lanes {\n r f32 = "+op+" x[i]\n }", len(c.x)), c.x, c.x)
			if got != want && !(got != got && want != want) {
				t.Errorf("%s of %v is %v, want %v", op, c.x, got, want)
			}
		}
		p := reduction(t, "reduce (i < %d) lanes {\n p i32 = argmax x[i]\n }\n reduce () lanes {\n r f32 = sum cast.f32(p)\n }", len(c.x))
		if got := runOne(t, p, c.x, c.x); int(got) != c.at {
			t.Errorf("argmax of %v is %v, want %d", c.x, got, c.at)
		}
	}
}

package dim

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMin compares the least value that is claimed with those of random sizes.
// Sizes for which a part like (time - 3) / 2 is negative are none.
func TestMin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	symbols := []string{"a", "b", "c"}
	var random func(depth int) Dim
	random = func(depth int) Dim {
		if depth == 0 {
			if rng.IntN(3) == 0 {
				return Const(int64(rng.IntN(7) - 3))
			}
			return Sym(symbols[rng.IntN(len(symbols))])
		}
		x, y := random(depth-1), random(depth-1)
		switch rng.IntN(6) {
		case 0:
			return x.Sub(y)
		case 1:
			return x.Mul(y)
		case 2:
			return x.FloorDiv(Const(int64(1 + rng.IntN(4))))
		case 3:
			return x.CeilDiv(Const(int64(1 + rng.IntN(4))))
		case 4:
			return x.Neg()
		}
		return x.Add(y)
	}
	known := 0
	for range 20_000 {
		d := random(3)
		low, ok := d.Min()
		if !ok {
			continue
		}
		for range 8 {
			env := map[string]int64{}
			for _, s := range symbols {
				env[s] = int64(1 + rng.IntN(5))
			}
			v, err := d.Eval(env)
			if err != nil || negative(d, env) {
				continue
			}
			known++
			if v < low {
				t.Fatalf("%s is %d for %v, its least value is said to be %d", d, v, env, low)
			}
		}
	}
	if known < 10_000 {
		t.Errorf("only %d values compared", known)
	}
	half := Sym("a").CeilDiv(Const(2)) // -floor(-a / 2)
	if low, ok := half.Neg().Min(); ok {
		t.Errorf("the least value of %s is said to be %d", half.Neg(), low)
	}
}

// negative reports whether d has a quotient of grown size below zero.
func negative(d Dim, env map[string]int64) bool {
	return slices.ContainsFunc(d.terms, func(t term) bool {
		return slices.ContainsFunc(t.atoms, func(a atom) bool {
			if a.floor == nil {
				return false
			}
			v, err := a.eval(env)
			return err == nil && v < 0 && a.floor.grows() || negative(a.floor.num, env)
		})
	})
}

package loop

import (
	"math"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
)

func axis(name string, n int64) *Axis { return &Axis{Name: name, Extent: dim.Const(n)} }

func TestIndexSimplifier(t *testing.T) {
	b := NewBuilder()
	batch := &Axis{Name: "i", Extent: dim.Sym("batch")}
	time := dim.Sym("time")
	ti := &Axis{Name: "t", Extent: time}
	h, d := axis("h", 12), axis("d", 64)
	i, tt, hh, dd := b.Axis(batch), b.Axis(ti), b.Axis(h), b.Axis(d)
	flat := func(parts ...*Expr) *Expr { // parts: position, extent, position, extent, ...
		e := b.Int(0)
		for k := 0; k < len(parts); k += 2 {
			e = b.Add(b.Mul(e, parts[k+1]), parts[k])
		}
		return e
	}
	// [batch, time, 12, 64] read as [batch, time, 768]
	pos := flat(i, b.Int(1), tt, b.Dim(time), hh, b.Int(12), dd, b.Int(64))
	tc := b.Dim(time.Mul(dim.Const(768)))
	c768 := b.Int(768)
	tests := []struct {
		name      string
		got, want *Expr
	}{
		{"row of a reshape", b.Bin(FloorDiv, pos, tc), i},
		{"column of a reshape", b.Bin(Mod, pos, c768), b.Add(b.Mul(hh, b.Int(64)), dd)},
		{"middle of a reshape", b.Bin(FloorDiv, b.Bin(Mod, pos, tc), c768), tt},
		{"common factor", b.Bin(FloorDiv, b.Add(b.Mul(hh, b.Int(64)), dd), b.Int(128)), b.Bin(FloorDiv, hh, b.Int(2))},
		{"remainder with a common factor", b.Bin(Mod, b.Add(b.Mul(hh, b.Int(64)), dd), b.Int(128)), b.Add(b.Mul(b.Bin(Mod, hh, b.Int(2)), b.Int(64)), dd)},
		{"sum is one pointer", b.Add(b.Add(hh, dd), b.Int(3)), b.Add(b.Int(3), b.Add(dd, hh))},
		{"difference cancels", b.Sub(b.Add(i, b.Int(4)), i), b.Int(4)},
		{"proved less", b.Bin(Lt, hh, b.Int(12)), b.Bool(true)},
		{"proved not less", b.Bin(Lt, b.Add(hh, b.Int(12)), b.Int(12)), b.Bool(false)},
		{"symbolic bound", b.Bin(Lt, tt, b.Dim(time)), b.Bool(true)},
		{"nested quotient", b.Bin(FloorDiv, b.Bin(FloorDiv, hh, b.Int(3)), b.Int(2)), b.Bin(FloorDiv, hh, b.Int(6))},
		{"negative offset", b.Bin(FloorDiv, b.Sub(hh, b.Int(1)), b.Int(4)), b.Sub(b.Bin(FloorDiv, b.Add(hh, b.Int(3)), b.Int(4)), b.Int(1))},
		{"size one", b.Axis(axis("o", 1)), b.Int(0)},
	}
	for _, c := range tests {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, ExprText(c.got), ExprText(c.want))
		}
	}
	if e := b.Bin(Lt, hh, b.Int(11)); e.Op != Lt {
		t.Errorf("hh < 11 is undecided, got %s", ExprText(e))
	}
	if e := b.Bin(Lt, tt, b.Int(8)); e.Op != Lt {
		t.Errorf("time axis < 8 is undecided, got %s", ExprText(e))
	}
}

// TestIndexSimplifierValues compares simplified quotients and remainders with
// the arithmetic of Go at every point.
func TestIndexSimplifierValues(t *testing.T) {
	for _, coef := range []int64{1, 2, 3, 6, 7} {
		for _, off := range []int64{-5, -1, 0, 2, 9} {
			for _, m := range []int64{1, 2, 3, 4, 6, 12} {
				b := NewBuilder()
				x, y := axis("x", 5), axis("y", 6)
				e := b.Add(b.Add(b.Mul(b.Axis(x), b.Int(coef)), b.Axis(y)), b.Int(off))
				q, r, lt := b.Bin(FloorDiv, e, b.Int(m)), b.Bin(Mod, e, b.Int(m)), b.Bin(Lt, e, b.Int(m))
				for i := range int64(5) {
					for j := range int64(6) {
						at := map[*Axis]int64{x: i, y: j}
						v := i*coef + j + off
						if got := evalIndex(q, at); got != floorDiv(v, m) {
							t.Fatalf("floor((%d*x + y + %d)/%d) at %d,%d = %d in %s", coef, off, m, i, j, got, ExprText(q))
						}
						if got := evalIndex(r, at); got != v-m*floorDiv(v, m) {
							t.Fatalf("(%d*x + y + %d) mod %d at %d,%d = %d in %s", coef, off, m, i, j, got, ExprText(r))
						}
						if got := evalIndex(lt, at); got != int64(boolBits(v < m)) {
							t.Fatalf("%d*x + y + %d < %d at %d,%d = %d in %s", coef, off, m, i, j, got, ExprText(lt))
						}
					}
				}
			}
		}
	}
}

func evalIndex(e *Expr, at map[*Axis]int64) int64 {
	switch e.Op {
	case Const:
		return int64(e.Bits)
	case AxisVar:
		return at[e.Axis]
	}
	x, y := evalIndex(e.Args[0], at), evalIndex(e.Args[1], at)
	switch e.Op {
	case Add:
		return x + y
	case Mul:
		return x * y
	case FloorDiv:
		return floorDiv(x, y)
	case Mod:
		return x - y*floorDiv(x, y)
	case Lt:
		return int64(boolBits(x < y))
	}
	panic("unexpected operation")
}

func TestFloatIdentities(t *testing.T) {
	b := NewBuilder()
	p := &Param{Name: "x", DType: dim.Float32, Shape: []dim.Dim{dim.Const(4)}}
	x := b.Load(p, b.Axis(axis("i", 4)))
	same := map[string]*Expr{
		"x*1": b.Mul(x, b.F32(1)), "x/1": b.Bin(Div, x, b.F32(1)), "x-0": b.Sub(x, b.F32(0)),
		"x+(-0)": b.Add(x, b.F32(math.Copysign(0, -1))), "-(-x)": b.Un(Neg, b.Un(Neg, x)),
	}
	for name, e := range same {
		if e != x {
			t.Errorf("%s is not x but %s", name, ExprText(e))
		}
	}
	// These change bits for some x: a zero's sign, an infinity, a NaN.
	for name, e := range map[string]*Expr{
		"x+0": b.Add(x, b.F32(0)), "x*0": b.Mul(x, b.F32(0)), "x-x": b.Sub(x, x), "x/3": b.Bin(Div, x, b.F32(3)), "x-(-0)": b.Sub(x, b.F32(math.Copysign(0, -1))),
	} {
		if len(e.Args) != 2 || e.Op == Mul && name != "x*0" {
			t.Errorf("%s was simplified to %s", name, ExprText(e))
		}
	}
	if e := b.Bin(Div, x, b.F32(4)); e != b.Mul(x, b.F32(0.25)) {
		t.Errorf("x/4 is %s, want a product", ExprText(e))
	}
	if e := b.Bin(Div, x, b.F32(0x1p-128)); e.Op != Div {
		t.Errorf("x/2^-128 became %s, whose factor is out of the safe range", ExprText(e))
	}
}

func TestClampedIndexIsInside(t *testing.T) {
	b := NewBuilder()
	p := &Param{Name: "at", DType: dim.Int64, Shape: []dim.Dim{dim.Const(4)}}
	pos := b.Load(p, b.Axis(axis("i", 4)))
	for _, n := range []dim.Dim{dim.Const(10), dim.Sym("classes")} {
		clamped := b.Bin(Min, b.Bin(Max, pos, b.Int(0)), b.Sub(b.Dim(n), b.Int(1)))
		if e := b.Within(clamped, n); e != b.Bool(true) {
			t.Errorf("clamped to %s: %s", n, ExprText(e))
		}
		if e := b.Within(pos, n); e.Op != And {
			t.Errorf("an unknown position within %s: %s", n, ExprText(e))
		}
	}
}

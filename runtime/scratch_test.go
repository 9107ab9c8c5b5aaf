package mlrt

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	var x, y []float32
	var half []uint16
	var flags []bool
	visit := func(v Visitor) {
		v.Visit(&x, 1, 0, 4)
		v.Visit(&y, 2, 0, 16)
		v.Visit(&half, 3, 1, 8)
	}
	var p Plan
	p.Visit(&x, 1, 2, 3)
	visit(p.Begin())
	if !slices.Equal(p.Sizes, []int64{64, 16}) {
		t.Fatalf("slots of %d bytes, want 64 and 16", p.Sizes)
	}
	a, err := NewArena(p.Sizes...)
	if err != nil {
		t.Fatal(err)
	}
	visit(a)
	x[3] = 7
	if len(x) != 4 || len(y) != 16 || len(half) != 8 || y[3] != 7 {
		t.Errorf("lengths %d %d %d, shared element %v", len(x), len(y), len(half), y[3])
	}
	Apart{}.Visit(&y, 2, 0, 16)
	Apart{}.Visit(&flags, 4, 0, 3)
	x[3] = 8
	if len(y) != 16 || y[3] != 0 || len(flags) != 3 {
		t.Errorf("memory of its own: %v, %v", y, flags)
	}
}

func TestWatch(t *testing.T) {
	var r struct {
		x     []float32
		count []int32
		bad   [3][]float64
	}
	r.x, r.bad[1], r.count = []float32{1}, []float64{2, math.NaN()}, []int32{3}
	w := Watch{Of: &r, Lines: map[int]string{5: "fc: linear(3)"}}
	w.Weights(&Weights{Info: &Info{Vars: []VarInfo{{Name: "fc.weight"}, {Name: "step"}}}, Data: []any{[]float32{1}, nil}})
	w.Visit(&r.x, 0, 0, 1)
	w.Visit(&r.count, 0, 0, 1)
	w.Visit(&r.bad[1], 5, 1, 2)
	if len(w.List) != 3 {
		t.Errorf("%d tensors are watched, want 3", len(w.List))
	}
	err := FirstNotFinite("net.ml", 0, w.List)
	if want := "bad[1] (net.ml:5  fc: linear(3)): element 1 is NaN"; !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one about %q", err, want)
	}
	w.List[0].Data.([]float32)[0] = float32(math.Inf(1))
	if err = FirstNotFinite("net.ml", 0, w.List); !strings.Contains(err.Error(), "the stored tensor fc.weight") {
		t.Errorf("error %v", err)
	}
}

func TestRow(t *testing.T) {
	x := []int32{1, 2, 3, 4, 5, 6}
	if got := Row(x, 1, 2); !slices.Equal(got, []int32{3, 4}) {
		t.Errorf("row %d, want 3 and 4", got)
	}
}

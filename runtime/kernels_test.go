package mlrt

import (
	"math"
	"slices"
	"testing"
)

// TestLanes checks the tree with powers of two, whose float32 sums show the order.
func TestLanes(t *testing.T) {
	var l [LaneCount]float32
	l[0], l[16], l[8], l[1] = 1<<24, 1, 1, -1<<24
	// Lane 0 takes lane 16 (lost in rounding), then lane 8 (lost), last lane 1.
	if got := SumLanes(&l); got != 0 {
		t.Errorf("sum %v, want 0", got)
	}
	nan := float32(math.NaN())
	m := Lanes(float32(math.Inf(-1)))
	m[3], m[30] = 5, nan
	if got := MaxLanes(&m); got == got {
		t.Errorf("maximum %v, want NaN", got)
	}
	v, at := Lanes(float32(math.Inf(-1))), Lanes(-1)
	v[4], at[4], v[9], at[9], v[20], at[20] = 7, 36, 7, 9, 2, 20
	if best, i := ArgMaxLanes(&v, &at); best != 7 || i != 9 {
		t.Errorf("largest %v at %d, want 7 at 9", best, i)
	}
	v, at = Lanes(float32(math.Inf(1))), Lanes(-1)
	v[2], at[2], v[31], at[31] = nan, 2, nan, 31
	if _, i := ArgMinLanes(&v, &at); i != 2 {
		t.Errorf("first NaN at %d, want 2", i)
	}
}

func TestIntegers(t *testing.T) {
	for _, c := range []struct{ a, b, div, floor, mod int32 }{
		{7, 2, 3, 3, 1}, {-7, 2, -3, -4, 1}, {7, -2, -3, -4, -1}, {-7, -2, 3, 3, -1}, {-8, 2, -4, -4, 0}, {5, 0, 0, 0, 0},
	} {
		if d, f, m := Div(c.a, c.b), FloorDiv(c.a, c.b), FloorMod(c.a, c.b); d != c.div || f != c.floor || m != c.mod {
			t.Errorf("%d and %d: %d, %d, %d, want %d, %d, %d", c.a, c.b, d, f, m, c.div, c.floor, c.mod)
		}
	}
	if got := ToInt32(math.Inf(1)); got != math.MaxInt32 {
		t.Errorf("+Inf gives %d", got)
	}
	if got := ToInt8(-128.9); got != -128 {
		t.Errorf("-128.9 gives %d", got)
	}
	if got := ToUint8(math.NaN()); got != 0 {
		t.Errorf("NaN gives %d", got)
	}
	if got := ToInt64(0x1p63); got != math.MaxInt64 {
		t.Errorf("2^63 gives %d", got)
	}
	if got := ToUint32(-1); got != 0 {
		t.Errorf("-1 gives %d", got)
	}
}

func TestSorter(t *testing.T) {
	values := []float32{3, float32(math.NaN()), 1, 3, 2}
	for descending, want := range map[bool][]int32{false: {2, 4, 0, 3, 1}, true: {0, 3, 4, 2, 1}} {
		s := NewSorter[float32](len(values))
		for i, v := range values {
			s.Set(i, v)
		}
		s.Sort(descending)
		var got []int32
		for i := range values {
			got = append(got, s.Position(i))
		}
		s.Close()
		if !slices.Equal(got, want) {
			t.Errorf("descending %v: %v, want %v", descending, got, want)
		}
	}
}

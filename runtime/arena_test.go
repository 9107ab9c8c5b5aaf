package mlrt

import (
	"errors"
	"math"
	"testing"
	"unsafe"
)

func TestArena(t *testing.T) {
	a, err := NewArena(4*100, 0, 8*3, 7)
	if err != nil {
		t.Fatal(err)
	}
	f := Slice[float32](a, 0, 100)
	d := Slice[float64](a, 2, 3)
	b := Slice[uint8](a, 3, 7)
	if len(Slice[int32](a, 1, 0)) != 0 {
		t.Error("empty slot has elements")
	}
	for _, p := range []unsafe.Pointer{unsafe.Pointer(&f[0]), unsafe.Pointer(&d[0]), unsafe.Pointer(&b[0])} {
		if uintptr(p)%64 != 0 {
			t.Errorf("slot starts at %p, not a multiple of 64", p)
		}
	}
	for i := range f {
		f[i] = float32(i + 1)
	}
	for i := range d {
		if d[i] != 0 {
			t.Error("slots overlap")
		}
		d[i] = math.Inf(1)
	}
	if f[99] != 100 || b[0] != 0 {
		t.Error("slots overlap")
	}
	if Slice[int32](a, 0, 1)[0] != int32(math.Float32bits(1)) {
		t.Error("slices of one slot do not share its memory")
	}
	defer func() {
		if recover() == nil {
			t.Error("a slice larger than its slot was given out")
		}
	}()
	Slice[float64](a, 2, 4)
}

func TestArenaLimits(t *testing.T) {
	for _, sizes := range [][]int64{{-1}, {MaxBytes + 1}, {math.MaxInt64}, {MaxBytes, 1}, {math.MaxInt64, math.MaxInt64}} {
		if _, err := NewArena(sizes...); !errors.Is(err, ErrShape) {
			t.Errorf("NewArena(%d): %v", sizes, err)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		elem int
		dims []int
		want int64 // -1: error
	}{
		{4, nil, 4}, {4, []int{2, 3}, 24}, {4, []int{0, math.MaxInt}, 0}, {4, []int{math.MaxInt, 0}, 0}, {1, []int{-1}, -1},
		{4, []int{math.MaxInt}, -1}, {8, []int{1 << 30, 1 << 30, 1 << 30}, -1}, {4, []int{1 << 16, 1 << 16, 1 << 16, 1 << 16}, -1},
	} {
		got, err := Bytes(c.elem, c.dims...)
		if (err != nil) != (c.want < 0) || err == nil && got != c.want {
			t.Errorf("Bytes(%d, %d) = %d, %v, want %d", c.elem, c.dims, got, err, c.want)
		}
	}
}

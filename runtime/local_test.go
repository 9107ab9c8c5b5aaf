package mlrt

import (
	"testing"
	"unsafe"
)

// TestLocalsAreApart requires that what one item takes does not overlap, begins
// at a cache line, and is used again without an allocation.
func TestLocalsAreApart(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	use := func(n int) {
		l := p.Borrow(4*n + 8*n + 2*lineBytes)
		a, b := Take[float32](l, n), Take[float64](l, n)
		if len(a) != n || len(b) != n {
			t.Fatalf("%d and %d elements, want %d", len(a), len(b), n)
		}
		for i := range n {
			a[i], b[i] = 1, 2
		}
		for i := range n {
			if a[i] != 1 || b[i] != 2 {
				t.Fatalf("element %d of %d is overwritten", i, n)
			}
		}
		if n > 0 && (uintptr(unsafe.Pointer(&a[0]))|uintptr(unsafe.Pointer(&b[0])))%lineBytes != 0 {
			t.Errorf("the slices do not begin at cache lines")
		}
		p.GiveBack(l)
	}
	for _, n := range []int{0, 1, 33, 1000, 5} {
		use(n)
	}
	if got := testing.AllocsPerRun(10, func() { use(1000) }); got != 0 {
		t.Errorf("%v allocations a use", got)
	}
	first, second := p.Borrow(64), p.Borrow(64)
	if x, y := Take[float32](first, 16), Take[float32](second, 16); &x[0] == &y[0] {
		t.Error("two borrowers have the same memory")
	}
	defer func() {
		if recover() == nil {
			t.Error("more was taken than there is")
		}
	}()
	Take[float32](first, 1<<20)
}

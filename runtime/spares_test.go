package mlrt

import (
	"sync"
	"testing"
)

// TestSparesAreOnesOwn requires that no value is with two goroutines at a time, and
// that values which came back serve again.
func TestSparesAreOnesOwn(t *testing.T) {
	var s spares[int]
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 1000 {
				a, b := s.get(), s.get()
				if a == b {
					t.Error("one value twice")
				}
				*a, *b = *a+1, *b+1 // a race with another owner
				s.put(b)
				s.put(a)
			}
		})
	}
	wait.Wait()
	sum := 0
	if n := testing.AllocsPerRun(1, func() {
		for range 2 {
			s.put(s.get())
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
	for _, v := range append(s.more, s.last.Load()) {
		sum += *v
	}
	if sum != 8000 || len(s.more) > 7 {
		t.Errorf("%d uses of %d values, want 8000 of at most 8", sum, len(s.more)+1)
	}
}

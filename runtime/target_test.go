package mlrt

import "testing"

// TestPickTarget checks that a name is obeyed and never more is taken than the
// machine has.
func TestPickTarget(t *testing.T) {
	best := PickTarget("")
	if best == AVX512 && !HasAVX512 || best == AVX2 && !HasAVX2 || best == PlainGo && HasAVX2 {
		t.Errorf("best target %v, with AVX2 %v and AVX-512 %v", best, HasAVX2, HasAVX512)
	}
	for _, want := range []Target{PlainGo, AVX2, AVX512} {
		if got := PickTarget(want.String()); got != min(want, best) {
			t.Errorf("PickTarget(%q) = %v", want, got)
		}
	}
}

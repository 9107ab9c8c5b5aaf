package mlrt

import (
	"sync"
	"sync/atomic"
)

// spares keeps values for their next use, from any goroutine. Unlike sync.Pool it
// drops none, so that a step which has run once allocates nothing.
type spares[T any] struct {
	last atomic.Pointer[T] // of one goroutine at a time there is one
	mu   sync.Mutex
	more []*T
}

// get returns a value that nobody uses, with what its last user left in it.
func (s *spares[T]) get() *T {
	if v := s.last.Swap(nil); v != nil {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.more); n > 0 {
		v := s.more[n-1]
		s.more = s.more[:n-1]
		return v
	}
	return new(T)
}

// put gives a value back.
func (s *spares[T]) put(v *T) {
	if s.last.CompareAndSwap(nil, v) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.more = append(s.more, v)
}

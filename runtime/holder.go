package mlrt

import "sync/atomic"

// Holder publishes a value, such as a model, that many goroutines use while
// another one replaces it. Who has loaded a value may go on using it.
type Holder[T any] struct{ p atomic.Pointer[T] }

// Load returns the value published last, nil before the first one.
func (h *Holder[T]) Load() *T { return h.p.Load() }

// Store publishes v, which must not be changed afterwards.
func (h *Holder[T]) Store(v *T) { h.p.Store(v) }

// Swap publishes v and returns what it replaces.
func (h *Holder[T]) Swap(v *T) *T { return h.p.Swap(v) }

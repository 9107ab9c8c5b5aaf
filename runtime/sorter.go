package mlrt

import (
	"slices"
	"sync"
)

// Sorter sorts values stably and remembers where they were. It belongs to one
// goroutine between NewSorter and Close, which gives its memory to the next one.
type Sorter[T Scalar] struct {
	items []sortItem[T]
}

type sortItem[T Scalar] struct {
	value T
	at    int32
}

var sorters [8]sync.Pool // by element type

func poolOf[T Scalar]() *sync.Pool {
	var v T
	switch any(v).(type) {
	case float32:
		return &sorters[0]
	case float64:
		return &sorters[1]
	case int64:
		return &sorters[2]
	case int32:
		return &sorters[3]
	case int16:
		return &sorters[4]
	case int8:
		return &sorters[5]
	case uint8:
		return &sorters[6]
	}
	return &sorters[7]
}

// NewSorter returns a sorter for n values, all to be given by Set.
func NewSorter[T Scalar](n int) *Sorter[T] {
	s, _ := poolOf[T]().Get().(*Sorter[T])
	if s == nil {
		s = &Sorter[T]{}
	}
	s.items = slices.Grow(s.items[:0], n)[:n]
	return s
}

// Set gives the value at position i.
func (s *Sorter[T]) Set(i int, v T) { s.items[i] = sortItem[T]{v, int32(i)} }

// Sort orders the values; equal ones keep their order, and NaNs come last.
func (s *Sorter[T]) Sort(descending bool) {
	slices.SortStableFunc(s.items, func(a, b sortItem[T]) int {
		switch {
		case a.value != a.value || b.value != b.value:
			return Number[int](a.value != a.value) - Number[int](b.value != b.value)
		case a.value == b.value:
			return 0
		case (a.value < b.value) != descending:
			return -1
		}
		return 1
	})
}

// Value returns the value of rank i.
func (s *Sorter[T]) Value(i int) T { return s.items[i].value }

// Position returns where the value of rank i was.
func (s *Sorter[T]) Position(i int) int32 { return s.items[i].at }

// Close gives the sorter's memory back.
func (s *Sorter[T]) Close() { poolOf[T]().Put(s) }

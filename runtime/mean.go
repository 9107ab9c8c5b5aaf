package mlrt

// Mean is a weighted mean that grows. The zero value has seen nothing.
type Mean struct{ sum, weight float64 }

// Add takes v into account with weight w.
func (m *Mean) Add(v, w float64) {
	m.sum += float64(v * w)
	m.weight += w
}

// Value returns the mean, 0 when nothing was added.
func (m *Mean) Value() float64 {
	if m.weight == 0 {
		return 0
	}
	return m.sum / m.weight
}

// Reset forgets everything.
func (m *Mean) Reset() { *m = Mean{} }

// Choose returns x when c holds and y otherwise.
func Choose[T any](c bool, x, y T) T {
	if c {
		return x
	}
	return y
}

// Sized returns s when it has n elements, else a new slice of n zeros.
func Sized[T any](s []T, n int) []T {
	if len(s) == n {
		return s
	}
	return make([]T, n)
}

package mlrt

import "unsafe"

const lineBytes = 64 // a cache line, and the widest vector

// Element is the Go type of an element in an arena.
type Element interface {
	float32 | float64 | uint16 | int64 | int32 | int16 | int8 | uint8 | uint32 | bool
}

// Arena is the scratch memory of a session: one allocation, cut into slots that
// start at multiples of 64 bytes. Its memory starts as zeros. It holds no
// pointers, so the collector never scans it.
type Arena struct {
	bytes []byte
	slots []slot
}

type slot struct{ begin, end int }

// NewArena allocates slots of the given sizes in bytes. Together they must stay
// below MaxBytes.
func NewArena(sizes ...int64) (*Arena, error) {
	a := &Arena{slots: make([]slot, len(sizes))}
	var at int64
	for i, n := range sizes {
		if n < 0 || n > MaxBytes || at+n > MaxBytes || int64(int(at+n+2*lineBytes)) != at+n+2*lineBytes {
			return nil, failed(ErrShape, "scratch memory exceeds ", int64(MaxBytes), " bytes")
		}
		a.slots[i] = slot{int(at), int(at + n)}
		at = (at + n + lineBytes - 1) &^ (lineBytes - 1)
	}
	a.bytes = aligned(int(at))
	return a, nil
}

// Size returns the arena's bytes.
func (a *Arena) Size() int { return len(a.bytes) }

// Slice returns the first n elements of a slot. Slices of one slot share its
// memory. It panics when the slot is too small: the plan was wrong.
func Slice[T Element](a *Arena, slot, n int) []T {
	var zero T
	s := a.slots[slot]
	if n < 0 || n > (s.end-s.begin)/int(unsafe.Sizeof(zero)) {
		panic(text("mlrt: ", n, " elements do not fit slot ", slot, " of ", s.end-s.begin, " bytes"))
	}
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&a.bytes[s.begin])), n)
}

// Grow returns an arena whose slots have at least the given sizes in bytes: a
// itself when they do, else a new one whose slots are as large as either asks.
// It allocates only then. a may be nil.
func (a *Arena) Grow(sizes ...int64) (*Arena, error) {
	if a == nil || len(a.slots) != len(sizes) {
		return NewArena(sizes...)
	}
	fits := true
	for i, s := range a.slots {
		fits = fits && sizes[i] >= 0 && int64(s.end-s.begin) >= sizes[i]
	}
	if fits {
		return a, nil
	}
	larger := make([]int64, len(sizes))
	for i, s := range a.slots {
		larger[i] = max(sizes[i], int64(s.end-s.begin))
	}
	return NewArena(larger...)
}

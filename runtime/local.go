package mlrt

import (
	"unsafe"
)

// Local is memory that one item uses while it runs. What is in it is rubbish.
type Local struct {
	bytes []byte // begins at a multiple of 64
	used  int
}

// Borrow returns memory of at least the given bytes; GiveBack returns it to the
// pool. A pool keeps as many pieces as items ran at once, and allocates only for a
// piece that is new or too small.
func (p *Pool) Borrow(bytes int) *Local {
	p.locals.Lock()
	var l *Local
	if n := len(p.locals.free); n > 0 {
		l = p.locals.free[n-1]
		p.locals.free = p.locals.free[:n-1]
	}
	p.locals.Unlock()
	if l == nil {
		l = &Local{}
	}
	if len(l.bytes) < bytes {
		l.bytes = nil // before the new piece exists
		l.bytes = aligned(bytes)
	}
	return l
}

// GiveBack ends the use of what Borrow returned.
func (p *Pool) GiveBack(l *Local) {
	l.used = 0
	p.locals.Lock()
	p.locals.free = append(p.locals.free, l)
	p.locals.Unlock()
}

// Take returns the next n elements of l. It panics when l is too small: the plan
// was wrong.
func Take[T Element](l *Local, n int) []T {
	var zero T
	at := l.used
	l.used = (at + n*int(unsafe.Sizeof(zero)) + lineBytes - 1) &^ (lineBytes - 1)
	if n < 0 || l.used > len(l.bytes) {
		panic(text("mlrt: ", n, " elements do not fit what is left of ", len(l.bytes)-at, " bytes"))
	}
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&l.bytes[at])), n)
}

// aligned allocates bytes from a multiple of 64.
func aligned(n int) []byte {
	raw := make([]byte, n+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (lineBytes - 1)
	return raw[skip : skip+n]
}

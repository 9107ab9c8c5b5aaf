//go:build !purego

package mlrt

// Prefetch asks for p to be brought into the caches and does not wait for it.
// It is for memory at random places, which is read soon; p may be empty.
func Prefetch(p []byte) {
	if len(p) > 0 {
		prefetch(&p[0], len(p))
	}
}

//go:noescape
func prefetch(p *byte, n int)

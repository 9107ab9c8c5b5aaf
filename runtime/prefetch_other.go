//go:build !amd64 || purego

package mlrt

// Prefetch asks for p to be brought into the caches and does not wait for it.
// It is for memory at random places, which is read soon; p may be empty. Here it
// does nothing.
func Prefetch(p []byte) {}

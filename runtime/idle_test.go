//go:build linux

package mlrt

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPoolIdle requires that workers which have nothing to do use no processor.
func TestPoolIdle(t *testing.T) {
	p, q := NewPool(0), NewPool(4)
	defer p.Close()
	defer q.Close()
	c := make(counter, 1000)
	p.Run(len(c), c)
	q.Run(len(c), c)
	least := time.Hour
	for range 5 { // other tests of the process may still clean up
		time.Sleep(20 * time.Millisecond)
		before := processorTime(t)
		time.Sleep(100 * time.Millisecond)
		least = min(least, processorTime(t)-before)
	}
	if least > 5*time.Millisecond {
		t.Errorf("idle workers used %v of processor time in 100 ms", least)
	}
}

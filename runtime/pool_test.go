package mlrt

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type itemFunc func(int)

func (f itemFunc) Item(_, i int) { f(i) }

// counter counts how often each item ran.
type counter []int32

func (c counter) Item(_, i int) { atomic.AddInt32(&c[i], 1) }

func (c counter) once(t *testing.T) {
	t.Helper()
	for i, n := range c {
		if n != 1 {
			t.Fatalf("item %d of %d ran %d times", i, len(c), n)
		}
	}
}

func TestPoolEachItemOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7, 0} {
		p := NewPool(threads)
		for items := range 300 {
			c := make(counter, items)
			p.Run(items, c)
			c.once(t)
		}
		c := make(counter, 100_000)
		p.Run(len(c), c)
		c.once(t)
		p.Close()
		p.Close()
	}
}

// TestPoolUsesWorkers makes two items meet, which one goroutine cannot.
func TestPoolUsesWorkers(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for deadline := time.Now().Add(time.Minute); ; {
		var arrived atomic.Int32
		var met atomic.Bool
		p.Run(2, itemFunc(func(int) {
			arrived.Add(1)
			for from := time.Now(); time.Since(from) < 20*time.Millisecond; runtime.Gosched() {
				if arrived.Load() == 2 {
					met.Store(true)
					return
				}
			}
		}))
		if met.Load() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the worker never took an item")
		}
	}
}

// TestPoolThreadLimit shows that a pool of two threads leaves other workers of
// the crew alone.
func TestPoolThreadLimit(t *testing.T) {
	wide, narrow := NewPool(6), NewPool(2)
	defer wide.Close()
	defer narrow.Close()
	for range 200 {
		var now, most atomic.Int32
		narrow.Run(16, itemFunc(func(int) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			runtime.Gosched()
			now.Add(-1)
		}))
		if most.Load() > 2 {
			t.Fatalf("%d items at once on two threads", most.Load())
		}
		c := make(counter, 16)
		wide.Run(len(c), c)
		c.once(t)
	}
}

func TestPoolNestedAndConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			p := NewPool(2 + g%3)
			defer p.Close()
			for range 30 {
				sums := make([]int, 20)
				p.Run(len(sums), itemFunc(func(i int) {
					c := make(counter, 10)
					p.Run(len(c), c) // the pool is busy: runs here
					for _, n := range c {
						sums[i] += int(n)
					}
				}))
				for i, n := range sums {
					if n != 10 {
						t.Errorf("goroutine %d item %d: %d inner items", g, i, n)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestPoolOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := NewPool(3)
	defer p.Close()
	for range 100 {
		c := make(counter, 50)
		p.Run(len(c), c)
		c.once(t)
	}
	if q := NewPool(0); q.Threads() != 1 {
		t.Errorf("%d threads by default on one processor", q.Threads())
	}
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	c := make(counter, 64)
	var task Task = &c
	if n := testing.AllocsPerRun(100, func() { p.Run(len(c), task) }); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

// TestPoolSleeps checks that idle workers sleep, and that they end with the last pool.
func TestPoolSleeps(t *testing.T) {
	eventually := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	eventually("workers of earlier tests still run", func() bool { crews.Lock(); defer crews.Unlock(); return crews.open == 0 })
	before := runtime.NumGoroutine()
	p, q := NewPool(3), NewPool(2)
	c := make(counter, 1000)
	p.Run(len(c), c)
	eventually("workers stay awake", func() bool {
		return p.crew.workers[0].parked.Load() && p.crew.workers[1].parked.Load()
	})
	p.Close()
	c = make(counter, 1000)
	q.Run(len(c), c)
	c.once(t)
	q.Close()
	eventually("workers outlive their pools", func() bool { return runtime.NumGoroutine() <= before })
}

// TestPoolBackOff lets the worker's item take far longer than the caller's: the
// next runs must be the caller's alone.
func TestPoolBackOff(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for deadline := time.Now().Add(time.Minute); p.crew.penalty == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no penalty after waiting for a slow worker")
		}
		var taken atomic.Bool
		p.Run(2, itemFunc(func(i int) {
			if i == 1 {
				taken.Store(true)
				time.Sleep(5 * time.Millisecond)
				return
			}
			for from := time.Now(); !taken.Load() && time.Since(from) < time.Millisecond; {
				runtime.Gosched()
			}
		}))
	}
	p.crew.alone = time.Since(p.crew.start) + time.Hour
	var order []int // appended without a lock: one goroutine
	p.Run(100, itemFunc(func(i int) { order = append(order, i) }))
	for i, v := range order {
		if i != v || len(order) != 100 {
			t.Fatalf("not serial: %v", order)
		}
	}
}

func TestPoolPenalty(t *testing.T) {
	const ms = time.Millisecond
	var c crew
	now := time.Second
	for _, want := range []time.Duration{ms, 2 * ms, 4 * ms, 8 * ms, 16 * ms, 32 * ms, 32 * ms} {
		c.judge(now, ms, 0)
		if c.penalty != want || c.alone != now+want {
			t.Errorf("penalty %v until %v, want %v", c.penalty, c.alone-now, want)
		}
		now = c.alone + ms
	}
	c.judge(now, ms, ms) // long items, not a disturbance
	if c.penalty != 32*ms || c.alone > now {
		t.Error("a wait as long as an item counts as a disturbance, or forgets too soon")
	}
	c.judge(now+time.Second, 0, 0)
	if c.penalty != 0 {
		t.Error("an undisturbed second does not clear the penalty")
	}
}

// BenchmarkPool measures a run of two and of sixteen short items.
func BenchmarkPool(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, items := range []int{2, 16} {
			b.Run(fmt.Sprintf("threads=%d/items=%d", threads, items), func(b *testing.B) {
				p := NewPool(threads)
				defer p.Close()
				var x [16]struct {
					v float32
					_ [60]byte
				}
				var task Task = itemFunc(func(i int) {
					v := x[i].v
					for range 1000 {
						v = v*0.5 + 1
					}
					x[i].v = v
				})
				for b.Loop() {
					p.Run(items, task)
				}
			})
		}
	}
}

// TestPoolTurns counts how often the state passes between threads: a few times a
// Run, with single items last.
func TestPoolTurns(t *testing.T) {
	for _, c := range []struct{ threads, items, most int }{{1, 100, 12}, {2, 2, 2}, {2, 112, 20}, {2, 100_000, 48}, {8, 1000, 100}} {
		var turns, last uint64
		for left := uint64(c.items); left > 0; left -= last {
			last = turn(uint64(c.threads-1)<<(2*itemBits) | left)
			if last == 0 || last > left {
				t.Fatalf("a turn of %d of %d items", last, left)
			}
			turns++
		}
		if turns > uint64(c.most) || last != 1 {
			t.Errorf("%d threads share %d items in %d turns, the last of %d; want at most %d, and 1", c.threads, c.items, turns, last, c.most)
		}
	}
	if n := turn(1<<(2*itemBits) | 5<<itemBits | 5); n != 0 {
		t.Errorf("a turn of %d where none is left", n)
	}
}

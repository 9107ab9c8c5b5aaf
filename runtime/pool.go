package mlrt

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Task is work that falls into numbered items. Items run in any order, on any
// goroutine and at the same time, so each must own what it writes; then the
// result does not depend on the number of threads. worker is the number of the
// goroutine within a Run, 0 for the caller's.
type Task interface{ Item(worker, i int) }

const (
	maxThreads = 256
	// The state word: threads allowed (8 bits), then the unclaimed items [low, high).
	itemBits = 28
	itemMask = 1<<itemBits - 1
	// MaxItems is the largest number of items of one Run.
	MaxItems = itemMask

	parkAfter     = 50 * time.Microsecond  // idle time after which a worker sleeps
	disturbed     = 100 * time.Microsecond // a longer wait for the last item means that its core was taken away
	firstPenalty  = time.Millisecond       // then run alone for so long,
	lastPenalty   = 32 * time.Millisecond  // doubling up to this,
	forgetPenalty = 4 * lastPenalty        // until so much time passed without another
)

// crew is the process's set of workers. All pools share it: a process may hold
// many models, but has only so many cores. One Run at a time has the workers;
// others meanwhile run on their own goroutines.
type crew struct {
	state atomic.Uint64
	_     [56]byte // the words below are written by others than state
	done  atomic.Uint32
	_     [60]byte
	busy  atomic.Bool
	quit  atomic.Bool
	task  Task // written before state, read after a successful claim

	// Of the Run that holds busy.
	alone   time.Duration // when to use workers again, on the clock that runs from start
	penalty time.Duration

	start   time.Time
	workers [maxThreads - 1]worker
	hired   int // workers that exist; guarded by crews
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{} // one token for each parked that another goroutine cleared
	_      [48]byte
}

// crews guards the current crew and counts its open pools.
var crews struct {
	sync.Mutex
	current *crew
	open    int
}

// Pool runs tasks on several threads. A Pool may be used by several goroutines
// and from within items: whoever finds the workers taken runs serially.
type Pool struct {
	threads int
	crew    *crew
	closed  atomic.Bool
	locals  struct {
		sync.Mutex
		free []*Local
	}
}

// NewPool returns a pool of the given number of threads, the caller's included;
// 0 means one for each core that the process may use. Workers sleep when there
// is nothing to do and end with the last open pool.
func NewPool(threads int) *Pool {
	cores := min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	if threads <= 0 {
		threads = cores
	}
	threads = min(threads, maxThreads)
	p := &Pool{threads: threads}
	if threads == 1 {
		return p
	}
	crews.Lock()
	defer crews.Unlock()
	if crews.current == nil {
		crews.current = &crew{start: time.Now()}
	}
	crews.open++
	c := crews.current
	for ; c.hired < threads-1; c.hired++ {
		c.workers[c.hired].wake = make(chan struct{}, 1)
		// A worker without a core of its own would wait awake on another's.
		go c.work(c.hired, c.hired < cores-1)
	}
	p.crew = c
	return p
}

// Threads returns the number of threads, the caller's included.
func (p *Pool) Threads() int { return p.threads }

// Close gives the pool back. It must not be used afterwards; closing twice does
// nothing.
func (p *Pool) Close() {
	if p.crew == nil || p.closed.Swap(true) {
		return
	}
	crews.Lock()
	defer crews.Unlock()
	if crews.open--; crews.open > 0 {
		return
	}
	c := crews.current
	crews.current = nil
	c.quit.Store(true)
	for i := range c.hired {
		c.rouse(i)
	}
}

// Run calls task.Item for every i from 0 to items-1 and returns when all have
// returned. It does not allocate. Items must not panic. Work below some four microseconds is better
// done without it.
func (p *Pool) Run(items int, task Task) { p.observed(items, task, false) }

// Alone is Run on the caller's goroutine alone, for work that is not worth sharing.
func (p *Pool) Alone(items int, task Task) { p.observed(items, task, true) }

func (p *Pool) observed(items int, task Task, alone bool) {
	o := observer.Load()
	var began time.Time
	if o != nil {
		began = time.Now()
	}
	if alone {
		serial(items, task)
	} else {
		p.run(items, task)
	}
	if o != nil {
		(*o)(task, time.Since(began))
	}
}

// observer is told of every Run's and Alone's task and time; nil outside of measurements.
var observer atomic.Pointer[func(task Task, d time.Duration)]

// Observe has fn called after every Run and Alone of every pool, with its task and time,
// until it is called with nil. It is for measurements; fn must be safe for use
// from several goroutines.
func Observe(fn func(task Task, d time.Duration)) {
	if fn == nil {
		observer.Store(nil)
		return
	}
	observer.Store(&fn)
}

func (p *Pool) run(items int, task Task) {
	c := p.crew
	if items > MaxItems {
		panic("mlrt: too many items")
	}
	if items <= 1 || c == nil || !c.busy.CompareAndSwap(false, true) {
		serial(items, task)
		return
	}
	began := time.Since(c.start)
	if began < c.alone {
		c.busy.Store(false)
		serial(items, task)
		return
	}
	c.task = task
	c.done.Store(0)
	c.state.Store(uint64(p.threads-1)<<(2*itemBits) | uint64(items))
	for i := range min(p.threads, items) - 1 {
		c.rouse(i)
	}
	own := 0
	for {
		s := c.state.Load()
		low, n := s>>itemBits&itemMask, turn(s)
		if n == 0 {
			break
		}
		if c.state.CompareAndSwap(s, s+n<<itemBits) {
			for i := range n {
				task.Item(0, int(low+i))
			}
			own += int(n)
		}
	}
	if rest := uint32(items - own); c.done.Load() != rest {
		c.wait(rest, began, own)
	}
	c.task = nil
	c.busy.Store(false)
}

func serial(items int, task Task) {
	for i := range items {
		task.Item(0, i)
	}
}

// wait waits for the items that workers claimed.
func (c *crew) wait(rest uint32, began time.Duration, own int) {
	from := time.Since(c.start)
	for k := 1; c.done.Load() != rest; k++ {
		if k%4096 == 0 {
			runtime.Gosched()
		}
	}
	now := time.Since(c.start)
	c.judge(now, now-from, (from-began)/time.Duration(max(own, 1)))
}

// judge decides from the time waited for the last item, and the mean time of
// the caller's own items, whether the workers' cores are wanted by others.
func (c *crew) judge(now, waited, mean time.Duration) {
	switch {
	case waited > disturbed && waited > 3*mean:
		c.penalty = min(max(firstPenalty, 2*c.penalty), lastPenalty)
		c.alone = now + c.penalty
	case now-c.alone > forgetPenalty:
		c.penalty = 0
	}
}

// rouse wakes worker i if it sleeps.
func (c *crew) rouse(i int) {
	w := &c.workers[i]
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

// work is worker i: it takes items from the back, where the caller comes last,
// so that each core keeps meeting the same memory. With spin it waits awake for
// a while before it sleeps.
func (c *crew) work(i int, spin bool) {
	w := &c.workers[i]
	var idle time.Time
	for k := 0; ; k++ {
		if s, n := c.available(i); n > 0 {
			if c.state.CompareAndSwap(s, s-n) {
				high := s & itemMask
				for k := range n {
					c.task.Item(i+1, int(high-1-k))
				}
				c.done.Add(uint32(n))
			}
			k = -1
			continue
		}
		if spin {
			// The clock costs as much as some fifty looks at the state.
			if k == 0 {
				idle = time.Now()
			}
			if k%64 != 63 || time.Since(idle) < parkAfter {
				continue
			}
		}
		if c.quit.Load() {
			return
		}
		w.parked.Store(true)
		// Whoever published work or quit before this saw no sleeper: look again.
		if _, n := c.available(i); (n > 0 || c.quit.Load()) && w.parked.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
		k = -1
	}
}

// available returns the state and how many items worker i may take at a turn.
func (c *crew) available(i int) (s, n uint64) {
	s = c.state.Load()
	if uint64(i) >= s>>(2*itemBits) {
		return s, 0
	}
	return s, turn(s)
}

// turn is how many of the unclaimed items a thread takes at once: half of its share
// of them, so that the state passes from core to core a few times a Run however many
// items there are, and the last turns are single items (Polychronopoulos and Kuck,
// Guided self-scheduling, 1987).
func turn(s uint64) uint64 {
	low, high, threads := s>>itemBits&itemMask, s&itemMask, s>>(2*itemBits)+1
	if low >= high {
		return 0
	}
	return max(1, (high-low)/(2*threads))
}

package mlrt

import (
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Kernel is a kernel of a generated package in its forms: plain Go, and assembly
// on machines that have it. A holds its arguments.
//
// Its methods only hand over what they get: the compiler writes them again for each
// kernel.
type Kernel[A any] struct{ kernel kernel }

// kernel is a Kernel where A is not known: its functions take pointers to arguments
// as pointers to anything, which they are called with alike.
type kernel struct {
	forms  [AVX512 + 1]form
	spare  spares[Call]
	number int       // of the kernel in the process
	plain  workItems // the function in plain Go; of a sized kernel it must not be called
	sized  bool      // others may have the same
	few    func(args unsafe.Pointer) bool
}

// kernels counts the kernels of the process.
var kernels atomic.Int64

// form is a kernel for one target.
type form struct {
	run   workItems
	long  workLong   // in place of run where a call may pause
	count countItems // of a call; nil where it has as many as items says
	items int
	grain int  // items that a worker takes together
	own   bool // not the form in plain Go
}

type (
	workItems  func(args unsafe.Pointer, lo, hi int)           // items lo to hi-1, in any order and by any worker
	workLong   func(args unsafe.Pointer, lo, hi int, p *Pause) // that may pause
	countItems func(args unsafe.Pointer) int
	countBoth  func(args unsafe.Pointer) (n512, n2 int)
)

// NewKernel returns a kernel in plain Go: run works on the items from lo to hi-1
// of a call.
func NewKernel[A any](run func(args *A, lo, hi int), items func(args *A) int) *Kernel[A] {
	k := &Kernel[A]{}
	k.kernel.init(*(*workItems)(unsafe.Pointer(&run)), *(*countItems)(unsafe.Pointer(&items)))
	return k
}

func (k *kernel) init(run workItems, items countItems) {
	k.number, k.plain = int(kernels.Add(1))-1, run
	for t := range k.forms {
		k.forms[t] = form{run: run, count: items, grain: 1}
	}
}

// NewFixed is NewKernel for calls of n items.
func NewFixed[A any](run func(args *A, lo, hi int), n int) *Kernel[A] {
	k := &Kernel[A]{}
	k.kernel.init(*(*workItems)(unsafe.Pointer(&run)), nil)
	for t := range k.kernel.forms {
		k.kernel.forms[t].items = n
	}
	return k
}

// Sizes are the sizes of a kernel: what its calls have in common, and those of
// another kernel with the same function may not.
type Sizes[A any] interface {
	Items(args *A) int // of a call
}

// NewSized returns a kernel in plain Go that gets its sizes at each call.
func NewSized[A any, N Sizes[A]](run func(args *A, sizes N, lo, hi int), sizes N) *Kernel[A] {
	k := NewKernel(func(args *A, lo, hi int) { run(args, sizes, lo, hi) }, sizes.Items)
	k.kernel.plain, k.kernel.sized = *(*workItems)(unsafe.Pointer(&run)), true
	return k
}

// Add adds the forms for AVX-512 and AVX2, nil for none: how many items a worker
// takes together, and how many items of each a call has.
func (k *Kernel[A]) Add(avx512 func(args *A, lo, hi int), grain512 int, avx2 func(args *A, lo, hi int), grain2 int, items func(args *A) (n512, n2 int)) {
	a, b := (*workItems)(unsafe.Pointer(&avx512)), (*workItems)(unsafe.Pointer(&avx2))
	k.kernel.add(form{run: *a, grain: grain512}, form{run: *b, grain: grain2}, *(*countBoth)(unsafe.Pointer(&items)))
}

// AddFixed is Add for calls of n512 and n2 items.
func (k *Kernel[A]) AddFixed(avx512 func(args *A, lo, hi int), grain512, n512 int, avx2 func(args *A, lo, hi int), grain2, n2 int) {
	a, b := (*workItems)(unsafe.Pointer(&avx512)), (*workItems)(unsafe.Pointer(&avx2))
	k.kernel.add(form{run: *a, items: n512, grain: grain512}, form{run: *b, items: n2, grain: grain2}, nil)
}

// AddSame is Add for calls that have as many items of either form.
func (k *Kernel[A]) AddSame(avx512 func(args *A, lo, hi int), grain512 int, avx2 func(args *A, lo, hi int), grain2 int, items func(args *A) int) {
	a, b, n := (*workItems)(unsafe.Pointer(&avx512)), (*workItems)(unsafe.Pointer(&avx2)), *(*countItems)(unsafe.Pointer(&items))
	k.kernel.add(form{run: *a, count: n, grain: grain512}, form{run: *b, count: n, grain: grain2}, nil)
}

// AddLong is Add for functions that sum up so much that their calls may pause.
func (k *Kernel[A]) AddLong(avx512 func(args *A, lo, hi int, p *Pause), grain512 int, avx2 func(args *A, lo, hi int, p *Pause), grain2 int, items func(args *A) (n512, n2 int)) {
	a, b := (*workLong)(unsafe.Pointer(&avx512)), (*workLong)(unsafe.Pointer(&avx2))
	k.kernel.add(form{long: *a, grain: grain512}, form{long: *b, grain: grain2}, *(*countBoth)(unsafe.Pointer(&items)))
}

// AddLongFixed is AddLong for calls of n512 and n2 items.
func (k *Kernel[A]) AddLongFixed(avx512 func(args *A, lo, hi int, p *Pause), grain512, n512 int, avx2 func(args *A, lo, hi int, p *Pause), grain2, n2 int) {
	a, b := (*workLong)(unsafe.Pointer(&avx512)), (*workLong)(unsafe.Pointer(&avx2))
	k.kernel.add(form{long: *a, items: n512, grain: grain512}, form{long: *b, items: n2, grain: grain2}, nil)
}

// AddLongSame is AddLong for calls that have as many items of either form.
func (k *Kernel[A]) AddLongSame(avx512 func(args *A, lo, hi int, p *Pause), grain512 int, avx2 func(args *A, lo, hi int, p *Pause), grain2 int, items func(args *A) int) {
	a, b, n := (*workLong)(unsafe.Pointer(&avx512)), (*workLong)(unsafe.Pointer(&avx2)), *(*countItems)(unsafe.Pointer(&items))
	k.kernel.add(form{long: *a, count: n, grain: grain512}, form{long: *b, count: n, grain: grain2}, nil)
}

func (k *kernel) add(avx512, avx2 form, items countBoth) {
	if items != nil {
		avx512.count = func(a unsafe.Pointer) int { n, _ := items(a); return n }
		avx2.count = func(a unsafe.Pointer) int { _, n := items(a); return n }
	}
	k.set(AVX512, avx512)
	k.set(AVX2, avx2)
}

func (k *kernel) set(t Target, f form) {
	if f.own = f.run != nil || f.long != nil; f.own {
		k.forms[t] = f
	}
}

// Alone says which calls one thread makes sooner in assembly than several: few
// reports them by their arguments.
func (k *Kernel[A]) Alone(few func(args *A) bool) {
	k.kernel.few = *(*func(unsafe.Pointer) bool)(unsafe.Pointer(&few))
}

// of is the number of items of a call.
func (f *form) of(args unsafe.Pointer) int {
	if f.count == nil {
		return f.items
	}
	return f.count(args)
}

// share runs items lo to hi-1.
func (f *form) share(args unsafe.Pointer, lo, hi int, between func()) {
	if f.long == nil {
		f.run(args, lo, hi)
		return
	}
	p := pauses.get()
	f.pausing(args, lo, hi, p, between)
	pauses.put(p)
}

// pausing runs items lo to hi-1 in as many calls as the form takes, and calls between
// after each but the last.
func (f *form) pausing(args unsafe.Pointer, lo, hi int, p *Pause, between func()) {
	p.ticks = pauseTicks.Load()
	for f.long(args, lo, hi, p); p.place != 0; f.long(args, lo, hi, p) {
		if between != nil {
			between()
		}
	}
}

// name is what the kernel's functions are called after. One that has no form of its
// own goes by the name of the function that it shares.
func (k *kernel) name() string {
	for _, f := range k.forms {
		if f.own {
			name := "" // that of a target: "fc1ForwardAVX2"
			if f.long != nil {
				name = functionName(f.long)
			} else {
				name = functionName(f.run)
			}
			if i := strings.LastIndex(name, "AVX"); i > 0 {
				name = name[:i]
			}
			return name
		}
	}
	name := strings.TrimSuffix(functionName(k.plain), "Go")
	if k.sized {
		return name + " and like"
	}
	return name
}

func functionName(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}

// Cores are the workers of a session or trainer, the instructions they use, and
// the memory for their calls. One call at a time may use them.
type Cores struct {
	Pool   *Pool
	Target Target
	calls  []*Call  // of each kernel that was called, by its number
	pauses []*Pause // of each worker
}

// NewCores returns the workers of a pool for the target that name stands for.
func NewCores(pool *Pool, name string) *Cores {
	return &Cores{Pool: pool, Target: PickTarget(name), pauses: make([]*Pause, pool.Threads())}
}

// Call is a call of a kernel by workers.
type Call struct {
	args   unsafe.Pointer // to the kernel's A
	on     *Cores         // nil in tests
	kernel *kernel
	form   *form
	items  int
}

// Run makes a call. What workers need of it lies in on, so only the first call of
// a kernel allocates.
func (k *Kernel[A]) Run(on *Cores, args A) {
	c := on.call(&k.kernel)
	if c.args == nil {
		c.args = unsafe.Pointer(new(A))
	}
	*(*A)(c.args) = args
	c.run()
}

// call is the one call of a kernel that uses the workers.
func (on *Cores) call(k *kernel) *Call {
	if len(on.calls) <= k.number {
		on.calls = append(on.calls, make([]*Call, k.number+1-len(on.calls))...)
	}
	c := on.calls[k.number]
	if c == nil {
		c = &Call{on: on, kernel: k}
		on.calls[k.number] = c
	}
	c.form = &k.forms[on.Target]
	return c
}

func (c *Call) run() {
	c.items = c.form.of(c.args)
	if few := c.kernel.few; few != nil && c.form.own && few(c.args) {
		c.on.Pool.Alone(c.Items(), c)
		return
	}
	c.on.Pool.Run(c.Items(), c)
}

// NewCall returns a call that has not begun: it is made when each of its items has
// run. It serves tests.
func NewCall[A any](k *Kernel[A], t Target, args A) *Call {
	c := &Call{args: unsafe.Pointer(&args), kernel: &k.kernel, form: &k.kernel.forms[t]}
	c.items = c.form.of(c.args)
	return c
}

// Name is the name of the kernel that is called.
func (c *Call) Name() string { return c.kernel.name() }

// Items is the number of shares that workers take.
func (c *Call) Items() int { return (c.items + c.form.grain - 1) / c.form.grain }

// Item runs the i-th share of the items.
func (c *Call) Item(worker, i int) {
	lo := i * c.form.grain
	hi := min(lo+c.form.grain, c.items)
	if c.form.long == nil {
		c.form.run(c.args, lo, hi)
		return
	}
	p := c.on.pauses[worker]
	if p == nil {
		p = new(Pause)
		c.on.pauses[worker] = p
	}
	c.form.pausing(c.args, lo, hi, p, nil)
}

// Share is Item of a call that Run did not make. It calls between, if that is not nil,
// whenever a call of assembly has paused. It serves tests.
func (c *Call) Share(i int, between func()) {
	lo := i * c.form.grain
	c.Part(lo, min(lo+c.form.grain, c.items), between)
}

// Len is the number of items. It serves tests.
func (c *Call) Len() int { return c.items }

// Part is Share of the items from lo to hi-1. It serves tests.
func (c *Call) Part(lo, hi int, between func()) { c.form.share(c.args, lo, hi, between) }

// Do makes a call on the present goroutine alone, share by share: a call of
// assembly cannot be interrupted.
func (k *Kernel[A]) Do(t Target, args A) {
	c := k.kernel.spare.get()
	if c.args == nil {
		c.args = unsafe.Pointer(new(A))
	}
	a := (*A)(c.args)
	*a = args
	k.kernel.forms[t].do(c.args)
	*a = *new(A)
	k.kernel.spare.put(c)
}

func (f *form) do(args unsafe.Pointer) {
	n := f.of(args)
	for lo := 0; lo < n; lo += f.grain {
		f.share(args, lo, min(lo+f.grain, n), nil)
	}
}

// Package guard is a part of TestLongGuards: it runs the kernels of a generated
// package between pages that must not be touched.
package guard

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Task is a call of a kernel.
type Task interface {
	mlrt.Task
	Items() int
	Share(i int, between func())
	Len() int
	Part(lo, hi int, between func())
}

// Kernel makes calls of one kernel.
type Kernel struct {
	Name string
	Make func(target mlrt.Target, p []unsafe.Pointer, n, dims []int) Task
}

// Slice is n elements at p.
func Slice[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

const (
	page   = 4096
	margin = 64 // bytes beside a parameter that must stay as they are
	places = 32 // 0 to 15 elements behind the first page, 0 to 15 before the last
	atEnd  = 16 // the first of those before the last page
	most   = 257
	// large is the number of points above which a call runs only where it begins behind
	// the first page or ends at the last one, and where it is not at a page only as many
	// of its items as have about so many points.
	large = 4096
	never = 1 << 40 // ticks
)

// memory is a mapping between two pages that must not be touched.
type memory struct {
	whole   []byte
	at      int
	saved   []byte    // what a run starts from
	want    []byte    // what the Go form left
	all     [2][]byte // what each target left, where that is other bytes
	some    [2][]byte // what some items left, of each target
	size    int       // of an element
	float   bool      // whether those are floats
	written bool      // whether the kernel writes to it
	// Of a tensor in panels: the extent of the axis that lies in them, their width,
	// and the elements of a panel's row.
	lane, width, rest int
}

// padding reports whether byte i is in a panel's part that is no data.
func (m *memory) padding(i int) bool {
	if m.width == 0 {
		return false
	}
	e := i / m.size
	return e/(m.width*m.rest)*m.width+e%m.width >= m.lane
}

func (m *memory) reserve(n int) {
	size := (n+16*8+page-1)/page*page + 2*page
	if len(m.whole) >= size {
		return
	}
	if m.whole != nil {
		check(syscall.Munmap(m.whole))
	}
	var err error
	m.whole, err = syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(err)
	check(syscall.Mprotect(m.whole[:page], syscall.PROT_NONE))
	check(syscall.Mprotect(m.whole[size-page:], syscall.PROT_NONE))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func (m *memory) bytes() []byte { return m.whole[m.at:][:len(m.saved)] }

// place puts the parameter at a place, with what a run starts from.
func (m *memory) place(place int) unsafe.Pointer {
	m.at = page + place*m.size
	if place >= atEnd {
		m.at = len(m.whole) - page - len(m.saved) - (place-atEnd)*m.size
	}
	for _, b := range m.beside() {
		copy(b, guarding)
	}
	copy(m.bytes(), m.saved)
	return unsafe.Pointer(&m.whole[m.at:][:1:1][0])
}

var guarding = strings.Repeat("guarding", margin/8)

// beside is the memory on both sides of a parameter, up to the pages.
func (m *memory) beside() [2][]byte {
	end := m.at + len(m.saved)
	return [2][]byte{m.whole[max(page, m.at-margin):m.at], m.whole[end:min(end+margin, len(m.whole)-page)]}
}

// call is a kernel with its sizes.
type call struct {
	*Kernel
	fixed   bool // whether all sizes are constants
	general bool // whether the sizes may be impossible
	points  int
	dims, n []int
	mem     []memory
	p       []unsafe.Pointer
	random  *rand.Rand
	paused  bool
}

// cases calls f for the cases that in holds, one a line: the kernel, the numbers of its
// sizes, its counters and its parameters, the points of the call, the sizes and counters,
// and for each parameter its elements, their size, whether those are floats and are
// written, and its panels. Behind the points stands whether the sizes may be impossible.
func cases(in io.Reader, kernels []Kernel, f func(c *call)) {
	words := bufio.NewScanner(in)
	words.Split(bufio.ScanWords)
	next := func() int {
		words.Scan()
		n, err := strconv.Atoi(words.Text())
		check(err)
		return n
	}
	c := call{random: rand.New(rand.NewPCG(1, 2))}
	for words.Scan() {
		k, err := strconv.Atoi(words.Text())
		check(err)
		sizes, counters, params := next(), next(), next()
		c.Kernel, c.fixed, c.points, c.general = &kernels[k], sizes == 0, next(), next() == 1
		c.dims, c.n, c.p = c.dims[:0], c.n[:0], make([]unsafe.Pointer, params)
		for range sizes + counters {
			c.dims = append(c.dims, next())
		}
		for i := range params {
			if i == len(c.mem) {
				c.mem = append(c.mem, memory{})
			}
			m := &c.mem[i]
			c.n = append(c.n, next())
			m.size, m.float, m.written, m.lane, m.width, m.rest = next(), next() == 1, next() == 1, next(), next(), next()
			m.saved = append(m.saved[:0], make([]byte, c.n[i]*m.size)...)
			m.fill(c.random)
		}
		f(&c)
	}
	check(words.Err())
}

// Run compares the forms of the kernels in all cases. It prints what differs, and
// otherwise the kernels that paused.
func Run(in io.Reader, kernels []Kernel) {
	paused, failed := map[string]bool{}, false
	cases(in, kernels, func(c *call) {
		c.paused = false
		if what := c.compare(); what != "" {
			fmt.Println(what)
			failed = true
		}
		if c.paused {
			paused[c.Name] = true
		}
	})
	if failed {
		os.Exit(1)
	}
	for _, name := range slices.Sorted(maps.Keys(paused)) {
		fmt.Println(name)
	}
}

// Time prints the longest call of assembly of each case, in microseconds, of several
// runs the shortest.
func Time(in io.Reader, kernels []Kernel) {
	cases(in, kernels, func(c *call) {
		for i := range c.p {
			c.p[i] = unsafe.Pointer(unsafe.SliceData(append(c.mem[i].saved, 0)))
		}
		fmt.Println(c.Name, longest(c.Make(mlrt.PickTarget(""), c.p, c.n, c.dims)), c.dims)
	})
}

// longest is the time of the longest call of assembly in microseconds, of each item's
// the least of several. An item whose calls pause has several calls.
func longest(task Task) float64 {
	best := make([]time.Duration, task.Items())
	for run := range 20 {
		if run%5 == 0 && run > 0 {
			// A machine that others use may have been slow for all of so short a time.
			if micros(slices.Max(best)) <= suspicious {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		for i := range best {
			var longest time.Duration
			begin := time.Now()
			end := func() {
				longest = max(longest, time.Since(begin))
				begin = time.Now()
			}
			task.Share(i, end)
			end()
			if run == 0 || longest < best[i] {
				best[i] = longest
			}
		}
	}
	return micros(slices.Max(best))
}

// suspicious is how many microseconds of a call are worth a second look.
const suspicious = 50

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// Floats with zeros and ties among them, and the integers 0 and 1, which are indices
// everywhere.
var floats, halves, bits = func() (f, h, b []byte) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 1 << 16 {
		v := float32(r.NormFloat64())
		switch r.Uint32() % 16 {
		case 0:
			v = float32(int(r.Uint32()%7)) - 3
		case 1:
			v = 0
		}
		f = binary.LittleEndian.AppendUint32(f, math.Float32bits(v))
		h = binary.LittleEndian.AppendUint16(h, uint16(math.Float32bits(v)>>16))
		b = append(b, byte(r.Uint32()%2))
	}
	return f, h, b
}()

// fill draws what a parameter holds.
func (m *memory) fill(r *rand.Rand) {
	from := halves
	switch {
	case m.float && m.size == 4:
		from = floats
	case !m.float:
		at := r.IntN(len(bits))
		for i := 0; i < len(m.saved); i += m.size {
			m.saved[i] = bits[(at+i/m.size)%len(bits)]
		}
		return
	}
	at := r.IntN(1<<16) * m.size
	for b := m.saved; len(b) > 0; at = 0 {
		b = b[copy(b, from[at:]):]
	}
}

// running is a file in memory, which tells what ran when this process dies: the kernel
// and its sizes, and behind them numbers.
var running = func() []byte {
	f, err := os.Create("running")
	check(err)
	check(f.Truncate(page))
	b, err := syscall.Mmap(int(f.Fd()), 0, page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	return b
}()

// at is the target, the place, and the items from and to.
var at = (*[4]int64)(unsafe.Pointer(&running[200]))

var targets = func() []mlrt.Target {
	if mlrt.HasAVX512 {
		return []mlrt.Target{mlrt.AVX2, mlrt.AVX512}
	}
	return []mlrt.Target{mlrt.AVX2}
}()

// compare runs the Go form, and at every place each other form that this machine has.
// It says what differs.
func (c *call) compare() string {
	for i := range c.p {
		m := &c.mem[i]
		m.reserve(len(m.saved))
		c.p[i] = m.place(0)
	}
	copy(running[:200], fmt.Sprintf("%-200s", fmt.Sprint(c.Name, " of ", c.dims)))
	*at = [4]int64{}
	plain := c.Make(mlrt.PlainGo, c.p, c.n, c.dims)
	if !c.possible(plain) {
		return ""
	}
	for i := range c.p {
		m := &c.mem[i]
		m.want, m.all = append(m.want[:0], m.bytes()...), [2][]byte{}
	}
	for place := range places {
		if place > atEnd && c.large() {
			break
		}
		for i := range c.p {
			c.p[i] = c.mem[i].place(place)
		}
		for t, target := range targets {
			task := c.Make(target, c.p, c.n, c.dims)
			for _, n := range c.counts(task.Len()) {
				if what := c.try(task, t, place, n); what != "" {
					return fmt.Sprintf("%s of %v on %v, place %d, items %d to %d of %d: %s", c.Name, c.dims, target, place, at[2], at[3], task.Len(), what)
				}
			}
		}
	}
	return ""
}

func (c *call) large() bool { return c.points > large && !c.fixed }

// possible runs the Go form and reports whether it stayed in its slices: sizes that
// are constants in a model may not fit together when one of them is another.
func (c *call) possible(plain Task) (yes bool) {
	defer func() {
		if e, isError := recover().(runtime.Error); isError && !c.general {
			panic(e)
		}
	}()
	plain.Part(0, plain.Len(), nil)
	return true
}

// counts are the numbers of items that run together: of a kernel without a size all.
func (c *call) counts(items int) (list []int) {
	if !c.fixed {
		return []int{c.random.IntN(items + 1)}
	}
	for n := range min(items, most) + 1 {
		list = append(list, n)
	}
	return list
}

type items struct{ lo, hi int }

// split says which items run together, n of them first: the first, the last or others.
// Of a large call it says which run at every place, the first, the last and some in
// the middle, and the rest.
func (c *call) split(all, place, n int) (some, rest []items) {
	if few := max(1, large*all/(3*c.points+1)); c.large() && 3*few < all {
		middle := (all - few) / 2
		return []items{{0, few}, {middle, middle + few}, {all - few, all}}, []items{{few, middle}, {middle + few, all - few}}
	}
	lo := []int{0, all - n, c.random.IntN(all - n + 1)}[place%3]
	return []items{{lo, lo + n}, {lo + n, all}, {0, lo}}, nil
}

// try runs all items once, or some where a call is large and not at a page, and says
// what is not as it must be.
func (c *call) try(task Task, t, place, n int) string {
	for i := range c.p {
		if m := &c.mem[i]; m.written {
			copy(m.bytes(), m.saved)
		}
	}
	mlrt.PauseAfter(never)
	if place == 0 || place%4 == 1 {
		mlrt.PauseAfter(0)
	}
	some, rest := c.split(task.Len(), place, n)
	c.run(task, t, place, some)
	for i := range c.p {
		if m := &c.mem[i]; rest != nil && m.written {
			if place == 0 {
				m.some[t] = append(m.some[t][:0], m.bytes()...)
			} else if string(m.some[t]) != string(m.bytes()) {
				return fmt.Sprintf("some items leave in parameter %d not what they do at place 0", i)
			}
		}
	}
	whole := rest == nil || place == 0 || place == atEnd
	if whole {
		c.run(task, t, place, rest)
	}
	for i := range c.p {
		m := &c.mem[i]
		for _, b := range m.beside() {
			if string(b) != guarding[:len(b)] {
				return fmt.Sprintf("bytes beside parameter %d are written", i)
			}
		}
		if !m.written {
			if (place == 0 || place == atEnd) && string(m.bytes()) != string(m.saved) {
				return fmt.Sprintf("parameter %d is written", i)
			}
		} else if whole {
			if at := m.differs(t); at >= 0 {
				return fmt.Sprintf("parameter %d differs from plain Go at byte %d", i, at)
			}
		}
	}
	return ""
}

func (c *call) run(task Task, t, place int, list []items) {
	for _, x := range list {
		if x.lo < x.hi {
			*at = [4]int64{int64(targets[t]), int64(place), int64(x.lo), int64(x.hi)}
			task.Part(x.lo, x.hi, func() { c.paused = true })
		}
	}
}

// differs finds the first byte that differs from the Go form's; NaNs are all one.
func (m *memory) differs(t int) int {
	a, b := m.want, m.bytes()
	if string(a) == string(b) || string(m.all[t]) == string(b) {
		return -1
	}
	for i := range a {
		if a[i] == b[i] || m.padding(i) {
			continue
		}
		if at := i &^ 3; m.float && m.size == 4 {
			x, y := *(*float32)(unsafe.Pointer(&a[at])), *(*float32)(unsafe.Pointer(&b[at]))
			if x != x && y != y {
				continue
			}
		}
		return i
	}
	m.all[t] = append(m.all[t][:0], b...)
	return -1
}

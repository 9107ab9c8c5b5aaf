package mlrt

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

type countArgs struct {
	x []int32
	n int
}

// count adds 1 to each of its items' elements, of which an item has three.
func (a *countArgs) count(lo, hi int) {
	for i := lo * 3; i < min(hi*3, a.n); i++ {
		a.x[i]++
	}
}

func TestKernel(t *testing.T) {
	k := NewKernel((*countArgs).count, func(a *countArgs) int { return (a.n + 2) / 3 })
	shares := 0
	k.Add(nil, 0, func(a *countArgs, lo, hi int) {
		shares++
		if hi-lo > 4 || lo%4 != 0 {
			t.Errorf("items %d to %d, want at most 4 from a multiple of 4", lo, hi)
		}
		for i := lo; i < hi; i++ {
			a.x[i] += 10
		}
	}, 4, func(a *countArgs) (int, int) { return 0, a.n })
	pool := NewPool(1)
	defer pool.Close()
	cores := map[Target]*Cores{}
	for _, name := range []Target{PlainGo, AVX2, AVX512} {
		cores[name] = &Cores{Pool: pool, Target: name}
	}
	x := make([]int32, 10)
	k.Run(cores[PlainGo], countArgs{x, 10})
	k.Run(cores[AVX2], countArgs{x, 9})
	k.Run(cores[AVX512], countArgs{x, 8})
	k.Do(PlainGo, countArgs{x, 1})
	if want := []int32{13, 12, 12, 12, 12, 12, 12, 12, 11, 1}; !slices.Equal(x, want) || shares != 3 {
		t.Errorf("%d in %d shares, want %d in 3", x, shares, want)
	}
	if n := testing.AllocsPerRun(10, func() { k.Run(cores[PlainGo], countArgs{x, 10}) }); n > 0 {
		t.Errorf("a call allocates %g times", n)
	}
	k.AddFixed(func(a *countArgs, lo, hi int) { a.x[0] += int32(100 * (hi - lo)) }, 2, 3, nil, 0, 0)
	x[0] = 0
	k.Run(cores[AVX512], countArgs{x, 10})
	k.Run(cores[AVX2], countArgs{x, 1})
	if x[0] != 310 {
		t.Errorf("%d after three items of AVX-512 and one of AVX2, want 310", x[0])
	}
	// Kernels of other arguments have memory of their own.
	var got []int
	other := NewKernel(func(a *[]int, lo, hi int) { got = append(got, (*a)[lo:hi]...) }, func(a *[]int) int { return len(*a) })
	other.Run(cores[PlainGo], []int{4, 5})
	k.Run(cores[PlainGo], countArgs{x, 3})
	other.Run(cores[PlainGo], []int{6})
	if !slices.Equal(got, []int{4, 5, 6}) {
		t.Errorf("items %d, want 4, 5 and 6", got)
	}
}

// pairs is the number of elements that an item has, and a kernel's function for it.
type pairs int

func (n pairs) Items(a *countArgs) int { return (a.n + int(n) - 1) / int(n) }

func double(a *countArgs, n pairs, lo, hi int) {
	for i := lo * int(n); i < min(hi*int(n), a.n); i++ {
		a.x[i] *= 2
	}
}

func tripleAVX2(a *countArgs, lo, hi int) {}

func plain(a *countArgs, lo, hi int) {}

func TestSized(t *testing.T) {
	k, other := NewSized(double, pairs(2)), NewSized(double, pairs(3))
	x := []int32{1, 2, 3, 4, 5, 6, 7}
	c := NewCall(k, PlainGo, countArgs{x, 5})
	if c.Items() != 3 || NewCall(other, PlainGo, countArgs{x, 5}).Items() != 2 {
		t.Errorf("%d items, want 3", c.Items())
	}
	c.Share(1, nil)
	NewCall(other, PlainGo, countArgs{x, 7}).Share(2, nil)
	if want := []int32{1, 2, 6, 8, 5, 6, 14}; !slices.Equal(x, want) {
		t.Errorf("%d, want %d", x, want)
	}
	if n := c.Name(); n != "double and like" {
		t.Errorf("its name is %q", n)
	}
	other.AddFixed(nil, 0, 0, tripleAVX2, 1, 1)
	if n := NewCall(other, PlainGo, countArgs{}).Name(); n != "triple" {
		t.Errorf("with assembly of its own its name is %q", n)
	}
	if n := NewCall(NewKernel(plain, pairs(1).Items), PlainGo, countArgs{}).Name(); n != "plain" {
		t.Errorf("the name of one without sizes is %q", n)
	}
}

// TestAlone makes two items wait for each other, which only threads that share them
// end early.
func TestAlone(t *testing.T) {
	type args struct {
		arrived, met *atomic.Int32
		n            int
	}
	meet := func(a *args, lo, hi int) {
		a.arrived.Add(1)
		for from := time.Now(); time.Since(from) < 5*time.Millisecond; runtime.Gosched() {
			if a.arrived.Load() == 2 {
				a.met.Add(1)
				return
			}
		}
	}
	k := NewKernel(meet, func(*args) int { return 2 })
	k.AddFixed(nil, 0, 0, meet, 1, 2)
	k.Alone(func(a *args) bool { return a.n < 2 })
	pool := NewPool(2)
	defer pool.Close()
	run := func(target Target, n int) bool {
		a := args{new(atomic.Int32), new(atomic.Int32), n}
		k.Run(&Cores{Pool: pool, Target: target}, a)
		return a.met.Load() == 2
	}
	for range 20 {
		if run(AVX2, 1) {
			t.Fatal("a small call was shared")
		}
	}
	for _, c := range []struct {
		target Target
		n      int
	}{{AVX2, 2}, {PlainGo, 1}} {
		for deadline := time.Now().Add(time.Minute); !run(c.target, c.n); {
			if time.Now().After(deadline) {
				t.Fatalf("no call of %d rows in %v was shared", c.n, c.target)
			}
		}
	}
}

// Command everyfloat is a part of TestFnLong, which adds the assembly, its
// declarations and the table of functions. It tries every float32.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

// function is a function under test: in assembly for every target, in Go, and a
// reference in float64.
type function struct {
	name  string
	asm   []func(x, y *float32) // of 1<<16 elements; the targets that this machine has
	plain func(float32) float32
	ref   func(float64) float64
	shape shape
	bound float64
}

// shape is what is known of a function, which saves work.
type shape uint8

const (
	general  shape = iota
	monotone       // where it is a number
	sine           // f(-x) = -f(x)
	cosine         // f(-x) = f(x)
)

const block = 1 << 16

// result is what a worker found.
type result struct {
	worst     float64
	at        float32
	differ    int // inputs for which the forms give other bits
	differsAt float32
}

func main() {
	stride, err := strconv.Atoi(os.Args[1]) // of the inputs that the Go form sees
	if err != nil {
		panic(err)
	}
	failed := false
	for _, f := range functions {
		r := f.try(stride)
		fmt.Printf("%s: at most %.4f ulp, at %x\n", f.name, r.worst, r.at)
		if r.worst > f.bound-1e-5 { // what the reference may be wrong by
			fmt.Printf("%s: the bound is %g\n", f.name, f.bound)
			failed = true
		}
		if r.differ > 0 {
			fmt.Printf("%s: the forms differ for %d inputs, among them %x\n", f.name, r.differ, r.differsAt)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// try runs all inputs, in blocks of the same sign and nearly the same size.
func (f *function) try(stride int) (all result) {
	var next atomic.Int32
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			var r result
			x, y, other := make([]float32, block), make([]float32, block), make([]float32, block)
			for b := next.Add(1) - 1; b < 1<<16; b = next.Add(1) - 1 {
				for i := range x {
					x[i] = math.Float32frombits(uint32(b)<<16 | uint32(i))
				}
				f.asm[0](&x[0], &y[0])
				switch {
				case f.shape == monotone && constant(y, f.ref(float64(x[0])), f.ref(float64(x[block-1]))):
				case f.shape >= sine && b >= 1<<15:
					f.mirror(x, other)
					r.compare(x, y, other)
				default:
					r.accuracy(x, y, f)
				}
				for _, g := range f.asm[1:] {
					g(&x[0], &other[0])
					if string(bytes(y)) != string(bytes(other)) {
						r.compare(x, y, other)
					}
				}
				n := 0 // the inputs that the Go form sees come to the front
				for i := int(uint32(b)*7919) % stride; i < block; i += stride {
					x[n], y[n], other[n] = x[i], y[i], f.plain(x[i])
					n++
				}
				r.compare(x[:n], y[:n], other[:n])
			}
			mu.Lock()
			defer mu.Unlock()
			all.differ += r.differ
			if r.differ > 0 {
				all.differsAt = r.differsAt
			}
			if r.worst > all.worst {
				all.worst, all.at = r.worst, r.at
			}
		})
	}
	wg.Wait()
	return all
}

// constant reports whether all of y is the one float32 that lies nearest to both
// ends, and so to all values between them.
func constant(y []float32, first, last float64) bool {
	want := math.Float32bits(float32(first))
	if want != math.Float32bits(float32(last)) {
		return false
	}
	for _, v := range y {
		if math.Float32bits(v) != want && (v == v || first == first) {
			return false
		}
	}
	return true
}

// mirror computes what y must be for negative x from the values for positive x,
// which are held against the reference.
func (f *function) mirror(x, y []float32) {
	positive := make([]float32, block)
	for i, v := range x {
		positive[i] = -v
	}
	f.asm[0](&positive[0], &y[0])
	if f.shape == sine {
		for i := range y {
			y[i] = -y[i]
		}
	}
}

func bytes(s []float32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), 4*len(s)) }

// compare counts where two forms differ; NaNs are all one.
func (r *result) compare(x, y, z []float32) {
	for i := range x {
		if math.Float32bits(y[i]) != math.Float32bits(z[i]) && (y[i] == y[i] || z[i] == z[i]) {
			r.differ, r.differsAt = r.differ+1, x[i]
		}
	}
}

// accuracy holds a block against the reference. Where a screen shows that a value is
// no further off than the worst one so far, the reference is not asked.
func (r *result) accuracy(x, y []float32, f *function) {
	var s screen
	for lo := 0; lo < block; lo += part {
		x, y := x[lo:lo+part], y[lo:lo+part]
		if !s.fit(x, f) {
			for i, v := range x {
				r.judge(v, y[i], f)
			}
			continue
		}
		limit := max(r.worst, 0.5)
		for i, v := range y {
			want := s.want[i]
			least := math.Abs(want) - s.off
			unit := math.Float64frombits(math.Float64bits(least)&^(1<<52-1)) * 0x1p-23
			if least >= 0x1p-126 && math.Abs(float64(v)-want)+s.off <= limit*unit {
				continue
			}
			r.judge(x[i], v, f)
			limit = max(r.worst, 0.5)
		}
	}
}

func (r *result) judge(x, y float32, f *function) {
	want := f.ref(float64(x))
	if y == float32(want) && y != 0 {
		return // rounded right: at most half a unit
	}
	if e := ulps(y, want); e > r.worst {
		r.worst, r.at = e, x
	}
}

// ulps is the distance of got from want in units of want's last place.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case got == rounded && (got != 0 || math.Signbit(float64(got)) == math.Signbit(want)), got != got && want != want:
		return 0
	case got != got || want != want || got == rounded:
		return math.Inf(1)
	case math.IsInf(float64(got), 0) && math.Abs(want) > math.MaxFloat32:
		return 1
	case math.IsInf(float64(rounded), 0) || math.IsInf(float64(got), 0):
		return (math.Abs(want) - math.MaxFloat32) / 0x1p104
	}
	unit := 0x1p-149
	if a := math.Abs(want); a >= 0x1p-126 {
		unit = math.Float64frombits(math.Float64bits(a)&^(1<<52-1)) * 0x1p-23
	}
	return math.Abs(float64(got)-want) / unit
}

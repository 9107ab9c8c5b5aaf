package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// window is what convolution and pooling share: along each spatial axis a kernel
// of kernel[a] taps, dilation[a] apart, moves by stride[a] over the axis padded
// by low[a] and high[a].
type window struct {
	kernel, stride, low, high, dilation []int
}

// check requires one attribute of each kind for every spatial axis, in range.
func (w window) check(rank int) error {
	for _, list := range []struct {
		what  string
		v     []int
		least int
	}{{"kernel", w.kernel, 1}, {"stride", w.stride, 1}, {"low padding", w.low, 0}, {"high padding", w.high, 0}, {"dilation", w.dilation, 1}} {
		if len(list.v) != rank {
			return errf("%s %v has %d numbers, want %d: one for each spatial axis", list.what, list.v, len(list.v), rank)
		}
		for _, n := range list.v {
			if n < list.least || n > 1<<20 {
				return errf("%s %v is out of range: each is from %d to %d", list.what, list.v, list.least, 1<<20)
			}
		}
	}
	return nil
}

// span is the number of elements that the kernel covers along axis a.
func (w window) span(a int) int { return (w.kernel[a]-1)*w.dilation[a] + 1 }

// outputs gives the number of positions along each spatial axis.
func (w window) outputs(spatial []dim.Dim) ([]dim.Dim, error) {
	out := make([]dim.Dim, len(spatial))
	for a, d := range spatial {
		room := d.Add(dim.Const(int64(w.low[a] + w.high[a] - w.span(a))))
		if n, ok := room.Int(); ok && n < 0 {
			return nil, errf("a kernel of %d (dilation %d) does not fit spatial axis %d: extent %s, padding %d and %d",
				w.kernel[a], w.dilation[a], a, d, w.low[a], w.high[a])
		}
		out[a] = room.FloorDiv(dim.Const(int64(w.stride[a]))).Add(dim.Const(1))
	}
	return out, nil
}

// inputAt is the position on spatial axis a that tap k reads for output o, and
// whether it lies inside the extent n.
func (w window) inputAt(b *loop.Builder, a int, o, k *loop.Expr, n dim.Dim) (at, inside *loop.Expr) {
	at = b.Add(b.Mul(o, b.Int(int64(w.stride[a]))), b.Mul(k, b.Int(int64(w.dilation[a]))))
	at = b.Sub(at, b.Int(int64(w.low[a])))
	return at, b.And(b.Bin(loop.Le, b.Int(0), at), b.Bin(loop.Lt, at, b.Dim(n)))
}

// phases is the number of taps along axis a that can meet one input: with a
// stride s and taps side by side it is every s-th.
func (w window) phases(a int) int {
	if w.dilation[a] > 1 {
		return w.kernel[a]
	}
	return (w.kernel[a] + w.stride[a] - 1) / w.stride[a]
}

// outputAt is the output whose tap k reads position i of spatial axis a, and
// whether there is one among n.
func (w window) outputAt(b *loop.Builder, a int, i, k *loop.Expr, n dim.Dim) (o, inside *loop.Expr) {
	at := b.Sub(b.Add(i, b.Int(int64(w.low[a]))), b.Mul(k, b.Int(int64(w.dilation[a]))))
	stride := b.Int(int64(w.stride[a]))
	o = b.Bin(loop.FloorDiv, at, stride)
	return o, b.And(b.Bin(loop.Le, b.Int(0), at), b.Bin(loop.Lt, o, b.Dim(n)),
		b.Bin(loop.Eq, b.Bin(loop.Mod, at, stride), b.Int(0)))
}

// phaseAt is outputAt for the k-th of the taps that can meet position i, and that
// tap's number in the kernel, which stays in range.
func (w window) phaseAt(b *loop.Builder, a int, i, k *loop.Expr, n dim.Dim) (o, tap, inside *loop.Expr) {
	if w.stride[a] == 1 || w.dilation[a] > 1 {
		o, inside = w.outputAt(b, a, i, k, n)
		return o, k, inside
	}
	stride, at := b.Int(int64(w.stride[a])), b.Add(i, b.Int(int64(w.low[a])))
	o = b.Sub(b.Bin(loop.FloorDiv, at, stride), k)
	tap = b.Add(b.Bin(loop.Mod, at, stride), b.Mul(k, stride))
	inside = b.And(b.Bin(loop.Le, b.Int(0), o), b.Bin(loop.Lt, o, b.Dim(n)))
	if last := b.Int(int64(w.kernel[a] - 1)); w.kernel[a]%w.stride[a] != 0 {
		inside = b.And(inside, b.Bin(loop.Le, tap, last))
		tap = b.Bin(loop.Min, tap, last)
	}
	return o, tap, inside
}

// read returns the concrete positions that taps k of outputs o read in spatial
// extents n; ok is false when one of them lies in the padding.
func (w window) read(o, k, n []int) (at []int, ok bool) {
	at = make([]int, len(o))
	for a := range o {
		at[a] = o[a]*w.stride[a] + k[a]*w.dilation[a] - w.low[a]
		if at[a] < 0 || at[a] >= n[a] {
			return nil, false
		}
	}
	return at, true
}

// axes makes a loop axis for each extent.
func axes(b *loop.Builder, names []string, extents []dim.Dim) ([]*loop.Axis, []*loop.Expr) {
	var ax []*loop.Axis
	var at []*loop.Expr
	for i, d := range extents {
		a := &loop.Axis{Name: names[i], Extent: d}
		ax, at = append(ax, a), append(at, b.Axis(a))
	}
	return ax, at
}

func constDims(ns []int) []dim.Dim {
	out := make([]dim.Dim, len(ns))
	for i, n := range ns {
		out[i] = dim.Const(int64(n))
	}
	return out
}

// constInts returns the values of constant dimensions.
func constInts(ds []dim.Dim) ([]int, bool) {
	out := make([]int, len(ds))
	for i, d := range ds {
		n, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

// split cuts an index list into consecutive parts of the given lengths.
func split[T any](list []T, lengths ...int) [][]T {
	var parts [][]T
	for _, n := range lengths {
		parts = append(parts, slices.Clip(list[:n]))
		list = list[n:]
	}
	return parts
}

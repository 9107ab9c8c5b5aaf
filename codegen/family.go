package codegen

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// planKernels plans the plain Go form of kernels. Those that are equal up to
// constants, such as one convolution at several sizes, share a plan and with it a
// function: the constants that differ become its sizes.
func planKernels(kernels []*loop.Kernel, names map[*loop.Kernel]string) map[*loop.Kernel]*kernelPlan {
	plans := map[*loop.Kernel]*kernelPlan{}
	families := map[string]*family{}
	var order []*family
	for _, k := range kernels {
		if len(k.Parts) > 0 {
			plans[k] = &kernelPlan{kernel: k, name: names[k], members: []*loop.Kernel{k}}
			continue
		}
		m := &member{kernel: k, flat: k}
		if f := flatten(k); f != nil {
			m.flat = f
		}
		m.flat = foldPhilox(m.flat)
		var spelling string
		spelling, m.numbers = loop.Spell(m.flat)
		f := families[spelling]
		if f == nil {
			f = &family{}
			families[spelling] = f
			order = append(order, f)
		}
		f.members = append(f.members, m)
	}
	for _, f := range order {
		pl := f.plan(names[f.members[0].kernel])
		for _, m := range f.members {
			plans[m.kernel] = pl
		}
	}
	return plans
}

// family is kernels that are equal up to constants.
type family struct {
	members []*member
	pl      *kernelPlan
	varying loop.Varying
}

// member is a kernel of a family.
type member struct {
	kernel, flat *loop.Kernel
	numbers      []loop.Number
}

// plan plans for all members.
func (f *family) plan(name string) *kernelPlan {
	first := f.members[0]
	f.pl = &kernelPlan{name: name, kernel: first.flat, values: map[*loop.Kernel][]expr{}}
	f.varying.Taken = map[string]bool{}
	for _, d := range first.flat.Dims {
		f.varying.Taken[d] = true
	}
	if len(f.members) > 1 {
		numbers := make([][]loop.Number, len(f.members))
		for i, m := range f.members {
			numbers[i] = m.numbers
			for k := range m.numbers {
				m.numbers[k].Base = private(m.numbers[k].Base)
			}
		}
		f.pl.kernel = loop.Generalize(first.flat, numbers, &f.varying)
	}
	f.cut()
	for _, s := range f.varying.List {
		f.size(s)
	}
	for _, m := range f.members {
		f.pl.members = append(f.pl.members, m.kernel)
	}
	return f.pl
}

// size makes a constant that differs a field of the sizes.
func (f *family) size(s loop.Varied) {
	typ := "int"
	if s.DType != dim.Int64 {
		typ = goTypes[s.DType]
		f.pl.scalars = append(f.pl.scalars, s.ScalarParam)
	}
	f.pl.sizes = append(f.pl.sizes, field{name: s.Name, typ: typ})
	for k, m := range f.members {
		v := num(int64(s.Values[k]))
		if s.DType != dim.Int64 {
			v = constant64(&loop.Expr{Op: loop.Const, Type: s.DType, Bits: s.Values[k]})
		}
		f.pl.values[m.kernel] = append(f.pl.values[m.kernel], v)
	}
}

// cut decides what an item is: for all members the same axes, of which each may take
// another number of points.
func (f *family) cut() {
	pl := f.pl
	chunks := make([]uint64, len(f.members))
	note := func(i int, chunk int64) { chunks[i] = uint64(chunk) }
	pl.tiles = tileContract(pl.kernel)
	depth := 0
	for i, m := range f.members {
		if pl.tiles != nil {
			note(i, max(1, itemWork/max(1, tileContract(m.flat).work(m.flat))))
		} else {
			depth = max(depth, splitDepth(m.flat))
		}
	}
	if pl.tiles == nil {
		pl.split = pl.kernel.Space[:depth]
		for i, m := range f.members {
			work := pointWork(m.flat)
			for _, a := range m.flat.Space[depth:] {
				work = min(work*extentGuess(a), 1<<40)
			}
			note(i, max(1, itemWork/max(1, work)))
		}
	}
	pl.chunk = dim.Const(int64(chunks[0]))
	if pl.single() {
		return
	}
	if s := f.varying.Name(dim.Int64, "chunk", chunks); s != nil {
		pl.chunk = dim.Sym(s.Name)
	}
}

// splitDepth returns the number of axes of a kernel's space that items walk as one;
// 0 for a kernel that is a single item.
func splitDepth(k *loop.Kernel) int {
	work := pointWork(k)
	if n, ok := dim.Product(extents(k.Space)).Int(); ok && n <= 1<<40 && n*work < serialWork {
		return 0
	}
	for i := len(k.Space) - 1; i > 0; i-- {
		if work*extentGuess(k.Space[i]) > 4*itemWork {
			return i + 1
		}
		work *= extentGuess(k.Space[i])
	}
	return min(1, len(k.Space))
}

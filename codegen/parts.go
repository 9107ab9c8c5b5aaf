package codegen

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// A kernel of parts has a task of its own: an item is a point of its space, at
// which one worker runs the parts in order on memory that it borrows from the pool.

// eachKernel visits a kernel after its parts.
func eachKernel(k *loop.Kernel, visit func(*loop.Kernel)) {
	for _, p := range k.Parts {
		visit(p.Kernel)
	}
	visit(k)
}

// localLine is the multiple of bytes at which each local begins.
const localLine = 64

// localBytes is memory enough for the locals of a kernel.
func localBytes(k *loop.Kernel) dim.Dim {
	sum := dim.Const(int64(localLine * len(k.Locals)))
	for _, l := range k.Locals {
		sum = sum.Add(loop.PhysicalSize(l.Shape, l.Layout).Mul(dim.Const(int64(l.DType.Size()))))
	}
	return sum
}

// printParts writes the task of a kernel of parts.
func (g *gen) printParts(s *source, k *loop.Kernel) {
	t, pl := g.tasks[k], g.plans[k]
	given := append([]field{{name: "cores", typ: "*mlrt.Cores"}}, t.named...)
	s.structType(pl.kernelDoc(), t.typ, joined(given))
	s.method("run makes a call with the help of workers.", "t", "*"+t.typ, "run", given, nil, func(b *body) {
		var values []expr
		for _, f := range given {
			values = append(values, id(f.name))
		}
		b.set(unary("*", id("t")), composite(t.typ, elems(values...)...))
		b.do(call(id("cores.Pool.Run"), dimExpr(dim.Product(extents(pointsOf(k))), t.sizes("t")), id("t")))
	})
	s.method("Item runs the parts at point n.", "t", "*"+t.typ, "Item", []field{{name: "_, n", typ: "int"}}, nil, func(b *body) {
		g.printItem(b, k)
	})
}

// itemPrinter writes the item of a kernel of parts.
type itemPrinter struct {
	g      *gen
	k      *loop.Kernel
	task   *kernelTask
	names  *names
	env    map[string]expr
	axes   map[*loop.Axis]expr
	memory map[*loop.Param]expr
}

// printItem writes the parts at one point.
func (g *gen) printItem(b *body, k *loop.Kernel) {
	p := &itemPrinter{g: g, k: k, task: g.tasks[k], names: newNames(g.pkg), env: g.tasks[k].sizes("t"), axes: map[*loop.Axis]expr{}, memory: map[*loop.Param]expr{}}
	for _, n := range []string{"t", "n", "local"} {
		p.names.used[n] = n
	}
	for i, q := range k.Params {
		p.memory[q] = id("t." + p.task.named[i].name)
	}
	p.point(b)
	if t := k.Tiles; t != nil && !t.Serial {
		p.tile(b)
	}
	b.define("local", call(id("t.cores.Pool.Borrow"), dimExpr(localBytes(k), p.env)))
	for _, l := range k.Locals {
		p.memory[l] = id(p.names.local(l.Name))
		b.define(p.memory[l].path(), call(rt("Take<"+goTypes[l.DType]+">"), id("local"), dimExpr(loop.PhysicalSize(l.Shape, l.Layout), p.env)))
	}
	if t := k.Tiles; t != nil && t.Serial {
		first := p.names.local(t.Axis.Name)
		p.axes[t.Axis] = id(first)
		b.forStep(first, num(0), dimExpr(t.Axis.Extent, p.env), t.Size, func(b *body) {
			p.tile(b)
			p.parts(b)
		})
	} else {
		p.parts(b)
	}
	b.do(call(id("t.cores.Pool.GiveBack"), id("local")))
}

// point finds the point's position on every axis.
func (p *itemPrinter) point(b *body) {
	points := pointsOf(p.k)
	for i, a := range points {
		at := id("n")
		for _, inner := range points[i+1:] {
			at = bin("/", at, parens(dimExpr(inner.Extent, p.env)))
		}
		if i > 0 {
			at = bin("%", at, parens(dimExpr(a.Extent, p.env)))
		}
		switch {
		case i == len(p.k.Space):
			a = p.k.Tiles.Axis
			at = bin("*", at, num(p.k.Tiles.Size))
		case !usesCounter(p.k, a):
			continue
		}
		p.axes[a] = id(p.names.local(a.Name))
		b.define(p.axes[a].path(), at)
	}
}

// tile names the sizes of the tile whose first position is known.
func (p *itemPrinter) tile(b *body) {
	t := p.k.Tiles
	rows, end, first := id(p.names.local(t.Rows)), id(p.names.local(t.End)), p.axes[t.Axis]
	b.define(end.path(), call(id("min"), bin("+", first, num(t.Size)), dimExpr(t.Axis.Extent, p.env)))
	b.define(rows.path(), bin("-", end, first))
	p.env[t.Rows], p.env[t.End] = rows, end
}

// parts calls the parts at the present tile.
func (p *itemPrinter) parts(b *body) {
	for _, part := range p.k.Parts {
		if part.When == loop.Always {
			p.part(b, part)
			continue
		}
		t := p.k.Tiles
		end := p.env[t.End]
		last := binRaw("==", end, dimExpr(t.Axis.Extent, p.env))
		when := map[loop.When]expr{
			loop.AtFirst: binRaw("==", p.axes[t.Axis], num(0)),
			loop.AtBlock: binRaw("||", last, binRaw("==", bin("%", end, num(loop.TileBlock)), num(0))),
			loop.AtLast:  last,
		}[part.When]
		b.when(when, func(b *body) { p.part(b, part) })
	}
}

// pointsOf are the axes whose points are items: those of the space, and one that
// counts tiles.
func pointsOf(k *loop.Kernel) []*loop.Axis {
	if k.Tiles == nil || k.Tiles.Serial {
		return k.Space
	}
	return append(slices.Clone(k.Space), &loop.Axis{Extent: k.Tiles.Axis.Extent.CeilDiv(dim.Const(k.Tiles.Size))})
}

func usesCounter(k *loop.Kernel, a *loop.Axis) bool {
	for _, p := range k.Parts {
		for _, c := range p.Counters {
			if c == a {
				return true
			}
		}
	}
	return false
}

// part calls one part.
func (p *itemPrinter) part(b *body, part *loop.Part) {
	k := part.Kernel
	var args []expr
	for _, a := range part.Args {
		args = append(args, p.memory[a])
	}
	for _, d := range part.Dims {
		args = append(args, dimExpr(d, p.env))
	}
	for _, s := range part.Scalars {
		i := slices.Index(p.k.Scalars, s)
		args = append(args, id("t."+p.task.named[len(p.k.Params)+len(p.k.Dims)+i].name))
	}
	for _, a := range part.Counters {
		args = append(args, p.axes[a])
	}
	pl := p.g.plans[k]
	if pl.worker {
		own := p.g.tasks[k]
		b.do(call(id(own.kernel+".Do"), id("t.cores.Target"), composite(own.args, elems(args...)...)))
		return
	}
	b.do(call(id(pl.function), append(args, pl.values[k]...)...))
}

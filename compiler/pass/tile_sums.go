package pass

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// sums makes the parts of a contraction over the rows that tiles cut. Between
// tiles the sum of a block of 1,024 lies in a local, from which the next tile's
// chain goes on; a second local holds the sum of the blocks. So the terms and
// their order are those of the contraction, whatever the size of the tiles.
func (t *tiler) sums(k *loop.Kernel, axes, local []int) []*tilePart {
	return []*tilePart{start(k, axes, local), goOn(k, axes, local), endBlock(k, axes, local), deliver(k, axes, local)}
}

// goOn continues the chains with a tile's terms.
func goOn(k *loop.Kernel, axes, local []int) *tilePart {
	w := newPartWriter(k, axes, local, true)
	ph := w.c.Phases[0]
	w.cut(ph.Axes[0])
	sum, at := w.own(blockSum, "block")
	ph.Init = &loop.Expr{Op: loop.Load, Type: sum.DType, Param: sum, Index: at}
	w.c.Phases = []*loop.Phase{ph, {Kind: loop.Map, Stores: []*loop.Store{
		{Param: sum, Index: at, Value: &loop.Expr{Op: loop.ResultOf, Type: ph.Acc.Type, Result: ph.Acc}}}}}
	w.c.Doc = "the sums of a tile, from those of the tiles before it: " + k.Doc
	return w.finish()
}

// start clears the locals ahead of the first tile.
func start(k *loop.Kernel, axes, local []int) *tilePart {
	w := newPartWriter(k, axes, local, true)
	sum, at := w.own(blockSum, "block")
	total, _ := w.own(totalSum, "total")
	zero := loop.NewBuilder().F32(0)
	w.c.Phases = []*loop.Phase{{Kind: loop.Map, Stores: []*loop.Store{{Param: sum, Index: at, Value: zero}, {Param: total, Index: at, Value: zero}}}}
	w.c.Doc = "the sums before the first tile"
	w.made.when, w.made.suffix = loop.AtFirst, "Start"
	return w.finish()
}

// endBlock adds a block's sums to the total, which starts as the first block's.
func endBlock(k *loop.Kernel, axes, local []int) *tilePart {
	w := newPartWriter(k, axes, local, true)
	sum, at := w.own(blockSum, "block")
	total, _ := w.own(totalSum, "total")
	b := loop.NewBuilder()
	first := b.Bin(loop.Le, b.Dim(dim.Sym(freshSize(k, endSize))), b.Int(loop.TileBlock))
	load := func(p *loop.Param) *loop.Expr { return b.Load(p, at...) }
	w.c.Phases = []*loop.Phase{{Kind: loop.Map, Stores: []*loop.Store{
		{Param: total, Index: at, Value: b.Select(first, load(sum), b.Add(load(total), load(sum)))},
		{Param: sum, Index: at, Value: b.F32(0)},
	}}}
	w.c.Doc = "the sums over whole blocks of 1,024"
	w.made.when, w.made.suffix = loop.AtBlock, "Block"
	return w.finish()
}

// deliver does with the total what the contraction's epilogue did.
func deliver(k *loop.Kernel, axes, local []int) *tilePart {
	w := newPartWriter(k, axes, local, true)
	acc := w.c.Phases[0].Acc
	total, at := w.own(totalSum, "total")
	w.c.Phases = w.c.Phases[1:]
	eachExpr(w.c, func(e *loop.Expr) {
		if e.Op == loop.ResultOf && e.Result == acc {
			*e = loop.Expr{Op: loop.Load, Type: total.DType, Param: total, Index: at}
		}
	})
	w.made.when, w.made.suffix = loop.AtLast, "End"
	return w.finish()
}

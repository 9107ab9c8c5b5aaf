package codegen

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// The plain Go form of a contraction works on tiles of outputs. For each piece of
// the products it packs the rows of one operand and four columns of the other in
// the memory of an mlrt.Tile, which multiplies them.
const (
	tileRows  = 8
	tileCols  = 64
	tileDepth = 256
)

// contractTiles says how a contraction is tiled. One operand moves along row and
// not along col, the other one the other way round; outer holds the other axes.
type contractTiles struct {
	outer    []*loop.Axis
	row, col *loop.Axis // either may be nil: one position
	rowSide  *loop.Expr // the operand that moves along row
	colSide  *loop.Expr
}

func (t *contractTiles) String() string {
	return fmt.Sprintf("%d x %d", t.rows(), t.cols())
}

func limited(a *loop.Axis, most int64) int64 {
	if a == nil {
		return 1
	}
	if n, ok := a.Extent.Int(); ok {
		return max(1, min(n, most))
	}
	return most
}

func (t *contractTiles) rows() int64 { return limited(t.row, tileRows) }
func (t *contractTiles) cols() int64 { return limited(t.col, tileCols) }

func extentOf(a *loop.Axis) dim.Dim {
	if a == nil {
		return dim.Const(1)
	}
	return a.Extent
}

// count returns the number of tiles.
func (t *contractTiles) count(size func(dim.Dim) expr) expr {
	n := size(dim.Product(extents(t.outer)))
	n = bin("*", n, ceilDiv(size(extentOf(t.row)), t.rows()))
	return bin("*", n, ceilDiv(size(extentOf(t.col)), t.cols()))
}

// work estimates the nanoseconds of a tile.
func (t *contractTiles) work(k *loop.Kernel) int64 {
	n := t.rows() * t.cols()
	for _, a := range k.Phases[0].Axes {
		n = min(n*extentGuess(a), 1<<30)
	}
	return n
}

// tileContract returns the tiling of a kernel that is one float32 contraction
// and a map of the same space, or nil.
func tileContract(k *loop.Kernel) *contractTiles {
	if len(k.Phases) == 0 || k.Phases[0].Kind != loop.Contract || k.Phases[0].Acc.Type != dim.Float32 {
		return nil
	}
	for _, ph := range k.Phases[1:] {
		if ph.Kind != loop.Map || len(ph.Axes) > 0 {
			return nil
		}
	}
	ph := k.Phases[0]
	onA, onB := axesOf(ph.A), axesOf(ph.B)
	t := &contractTiles{rowSide: ph.A, colSide: ph.B}
	for i := len(k.Space) - 1; i >= 0 && t.col == nil; i-- {
		a := k.Space[i]
		switch {
		case a.Extent.Is(1):
		case onB[a] && !onA[a]:
			t.col = a
		case onA[a] && !onB[a]:
			t.col, t.rowSide, t.colSide = a, ph.B, ph.A
			onA, onB = onB, onA
		}
	}
	for i := len(k.Space) - 1; i >= 0 && t.row == nil; i-- {
		if a := k.Space[i]; !a.Extent.Is(1) && onA[a] && !onB[a] {
			t.row = a
		}
	}
	if t.col == nil {
		return nil
	}
	for _, a := range k.Space {
		if a != t.row && a != t.col {
			t.outer = append(t.outer, a)
		}
	}
	return t
}

// axesOf returns the axes that an expression mentions.
func axesOf(e *loop.Expr) map[*loop.Axis]bool {
	found, seen := map[*loop.Axis]bool{}, map[*loop.Expr]bool{}
	var walk func(*loop.Expr)
	walk = func(e *loop.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		if e.Op == loop.AxisVar {
			found[e.Axis] = true
		}
		for _, a := range e.Args {
			walk(a)
		}
		for _, a := range e.Index {
			walk(a)
		}
		walk(e.Guard)
	}
	walk(e)
	return found
}

// contractNames are the locals of a tiled contraction.
type contractNames struct {
	tile       expr // the memory
	rows, cols expr // the tile's size
	row0, col0 expr // its first output
	k0, depth  expr
	size       expr // number of products of an output
	whole, one bool // a single piece; a single block
}

// contractBody writes the loop over tiles.
func (p *printer) contractBody(pl *kernelPlan) {
	t, ph := pl.tiles, pl.kernel.Phases[0]
	roots := []*loop.Expr{ph.A, ph.B}
	size := dim.Product(extents(ph.Axes))
	n := &contractNames{size: p.dim(size)}
	if c, ok := size.Int(); ok {
		n.whole, n.one = c <= tileDepth, c <= contractBlock
	}
	n.one = n.one || ph.Init != nil
	b := p.out()
	n.tile = p.here("tile", call(rt("NewTile")))
	item := p.names.local("item")
	defer p.names.free(item)
	chunk := p.dim(pl.chunk)
	from := bin("*", id("lo"), chunk)
	to := id("hi")
	if !pl.chunk.Is(1) {
		to = call(id("min"), bin("*", id("hi"), chunk), p.here("items", t.count(p.dim)))
	}
	b.forStep(item, from, to, 1, func(b *body) {
		p.push(b, false)
		p.startPhase(roots)
		p.openTile(t, n, id(item))
		b.do(call(dot(n.tile, "Start")))
		if ph.Init != nil {
			p.startPhase([]*loop.Expr{ph.Init})
			p.eachOutput(t, n, func(r, c expr) { p.out().do(call(dot(n.tile, "Begin"), r, c, p.value(ph.Init, false))) })
			p.startPhase(roots)
		}
		p.pieces(t, ph, n)
		p.epilogue(t, n)
		p.pop()
	})
	b.do(call(dot(n.tile, "Close")))
}

// openTile finds a tile's place: its position on the outer axes, its first row
// and column and how many it has.
func (p *printer) openTile(t *contractTiles, n *contractNames, item expr) {
	var axes []*loop.Axis
	axes = append(axes, t.outer...)
	rowTiles := &loop.Axis{Extent: extentOf(t.row).CeilDiv(dim.Const(t.rows()))}
	colTiles := &loop.Axis{Extent: extentOf(t.col).CeilDiv(dim.Const(t.cols()))}
	axes = append(axes, rowTiles, colTiles)
	p.unflatten(always(item), axes)
	place := func(a, tiles *loop.Axis, size int64, name string) (first, count expr) {
		if a == nil {
			return num(0), num(1)
		}
		extent := p.dim(a.Extent)
		first = bin("*", p.axes[tiles](), num(size))
		if c, ok := a.Extent.Int(); ok && c <= size {
			return num(0), extent
		}
		first = p.here(a.Name+"0", first)
		if c, ok := a.Extent.Int(); ok && c%size == 0 {
			return first, num(size)
		}
		return first, p.here(name, call(id("min"), num(size), bin("-", extent, first)))
	}
	n.row0, n.rows = place(t.row, rowTiles, t.rows(), "rows")
	n.col0, n.cols = place(t.col, colTiles, t.cols(), "cols")
}

// pieces runs over the products in pieces of tileDepth, and adds up blocks of
// 1,024 where the float contract ends one.
func (p *printer) pieces(t *contractTiles, ph *loop.Phase, n *contractNames) {
	if n.whole {
		n.k0, n.depth = num(0), n.size
		p.piece(t, ph, n)
		return
	}
	k0 := p.names.local("k0")
	defer p.names.free(k0)
	p.out().forStep(k0, num(0), n.size, tileDepth, func(b *body) {
		p.push(b, false)
		n.k0 = id(k0)
		if n.one {
			n.depth = p.here("depth", call(id("min"), num(tileDepth), bin("-", n.size, n.k0)))
		} else {
			n.depth = p.here("depth", call(dot(n.tile, "Next"), n.k0, n.size))
		}
		p.piece(t, ph, n)
		p.pop()
	})
	if !n.one {
		p.out().do(call(dot(n.tile, "End"), n.size))
	}
}

// piece packs the rows once and then, four columns at a time, the columns, and
// multiplies.
func (p *printer) piece(t *contractTiles, ph *loop.Phase, n *contractNames) {
	p.pack(t.rowSide, ph.Axes, t.row, n, n.row0, n.rows, func(r, k, v expr) {
		p.out().do(call(dot(n.tile, "SetRow"), r, k, v))
	})
	col := p.names.local("c")
	defer p.names.free(col)
	p.out().forStep(col, num(0), n.cols, 4, func(b *body) {
		p.push(b, false)
		width := num(4)
		if !n.cols.isInt || n.cols.number%4 != 0 {
			width = p.here("width", call(id("min"), num(4), bin("-", n.cols, id(col))))
		}
		first := bin("+", n.col0, id(col))
		p.pack(t.colSide, ph.Axes, t.col, n, first, width, func(c, k, v expr) { p.out().set(index(index(dot(n.tile, "Cols"), k), c), v) })
		p.out().do(call(dot(n.tile, "Multiply"), id(col), n.rows, n.depth))
		p.pop()
	})
}

// pack copies count positions of an operand along axis (from first on), over the
// products of the present piece. Where memory runs along the products, they are
// the inner loop.
func (p *printer) pack(e *loop.Expr, over []*loop.Axis, axis *loop.Axis, n *contractNames, first, count expr, put func(at, k, v expr)) {
	store := func(at, k expr) { put(at, k, convert("mlrt.Wide", p.value(e, false))) }
	p.packed = e
	defer func() { p.packed = nil }()
	if axis == nil {
		p.overDepth(over, n, func(k expr) { store(num(0), k) })
		return
	}
	along := func(f func(at expr)) {
		name := p.names.local(axis.Name)
		defer p.names.free(name)
		p.out().forRange(name, count, func(b *body) {
			p.enter(b, axis, always(bin("+", first, id(name))))
			p.levels = map[*loop.Expr]int{}
			f(id(name))
			p.pop()
		})
	}
	if len(over) == 1 && p.runsAlong(e, over[0]) {
		along(func(at expr) { p.overDepth(over, n, func(k expr) { store(at, k) }) })
		return
	}
	p.overDepth(over, n, func(k expr) {
		name := p.names.local(axis.Name)
		defer p.names.free(name)
		p.out().forRange(name, count, func(b *body) {
			p.enter(b, axis, always(bin("+", first, id(name))))
			p.levels = map[*loop.Expr]int{}
			p.walk(axis, first, count, always(id(name)))
			store(id(name), k)
			p.rowAxis = nil
			p.pop()
		})
	})
}

// runsAlong reports whether an operand is read one element after another along
// an axis of the products.
func (p *printer) runsAlong(e *loop.Expr, a *loop.Axis) bool {
	if e.Op != loop.Load {
		return false
	}
	for _, t := range p.address(e.Param, e.Index) {
		if t.atom != nil && t.atom.Op == loop.AxisVar && t.atom.Axis == a {
			return t.coef.Is(1)
		}
	}
	return false
}

// overDepth loops over the products of a piece; k counts from its start.
func (p *printer) overDepth(over []*loop.Axis, n *contractNames, f func(k expr)) {
	p.levels = map[*loop.Expr]int{}
	if len(over) == 1 {
		p.loopRow(over[0], n.k0, n.depth, func() {
			p.levels = map[*loop.Expr]int{}
			f(p.rowIndex())
		})
		return
	}
	name := p.names.local("k")
	defer p.names.free(name)
	p.out().forRange(name, n.depth, func(b *body) {
		p.push(b, false)
		p.levels = map[*loop.Expr]int{}
		p.unflatten(always(bin("+", n.k0, id(name))), over)
		f(id(name))
		p.pop()
	})
}

// epilogue writes the maps at each output of the tile.
func (p *printer) epilogue(t *contractTiles, n *contractNames) {
	p.eachOutput(t, n, func(r, c expr) {
		p.leave(p.kernel.Phases[0].Acc, p.here(p.kernel.Phases[0].Acc.Name, call(dot(n.tile, "Sum"), r, c)))
		for _, ph := range p.kernel.Phases[1:] {
			p.phase(ph)
		}
	})
}

// eachOutput loops over the outputs of the tile.
func (p *printer) eachOutput(t *contractTiles, n *contractNames, f func(r, c expr)) {
	p.tileAxis(t.row, n.row0, n.rows, "r", false, func(r expr) {
		p.tileAxis(t.col, n.col0, n.cols, "c", true, func(c expr) {
			f(r, c)
		})
	})
}

// tileAxis loops over a tile's positions on an axis; with rows, slices are cut
// for it.
func (p *printer) tileAxis(a *loop.Axis, first, count expr, base string, cut bool, f func(at expr)) {
	if a == nil {
		f(num(0))
		return
	}
	c := &counter{name: p.names.local(base)}
	defer p.names.free(c.name)
	p.out().forCounter(c, count, func(b *body) {
		p.enter(b, a, func() expr { return bin("+", first, c.use()) })
		if cut {
			p.walk(a, first, count, c.use)
		}
		f(c.use())
		p.rowAxis = nil
		p.pop()
	})
}

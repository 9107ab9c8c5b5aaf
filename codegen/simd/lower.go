package simd

import (
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// ArgKind says what an argument of an assembly function is.
type ArgKind uint8

// The kinds of arguments, in the order in which a function takes them.
const (
	Pointer ArgKind = iota // to the first element of a kernel's parameter
	Size                   // a run-time dimension, int
	Scalar                 // a host scalar
	Count                  // a counter of an enclosing loop, int
	Item                   // lo and hi, int: the items to work on
)

// Arg is an argument of an assembly function.
type Arg struct {
	Name string // as the declaration has it
	Kind ArgKind
	Type dim.DType // of Pointer and Scalar
}

// GoType is the argument's type in the declaration.
func (a Arg) GoType() string {
	t := a.Type.String()
	if a.Type == dim.BFloat16 {
		t = "uint16"
	}
	switch {
	case a.Kind == Pointer:
		return "*" + t
	case a.Kind == Scalar:
		return t
	}
	return "int"
}

func (a Arg) size() int {
	if a.Kind == Scalar {
		return a.Type.Size()
	}
	return 8
}

// Function is an assembly function for one kernel and one target. A call works
// on items lo to hi-1 of Items; different items write different elements, so
// they may run in any order and in parallel.
type Function struct {
	Name   string // of the Go declaration: "fc1ForwardAVX512"
	Target Target
	Kernel *loop.Kernel
	Args   []Arg
	Items  dim.Dim // over the kernel's Dims
	Shape  string  // what an item is: "tile of 8 x 32"
	Grain  int64   // items that one worker should take together: some microseconds of work
	Rows   dim.Dim // of what calls have more or less of, such as samples; over the kernel's Dims
	Few    int64   // a call with fewer rows is best made by one thread; 0 where Items tell
	Spills int     // vector values that did not fit into registers
	Pauses bool    // a call may end before its items do, and go on in the next one

	record *Record
	lower  bool // a lower tile is possible
	frame  int
	size   int // bytes of the arguments
	body   string
	consts []uint32
	tables []table
}

// Lower emits a kernel for a target. When the kernel is not covered it returns
// nil and the reason.
func Lower(k *loop.Kernel, t Target) (f *Function, reason string) {
	return LowerRecord(k, t, nil, false)
}

// LowerRecord is Lower for a function that takes its arguments in a record. looped
// says that the kernel is called in loops, which leave alone what its lanes read.
func LowerRecord(k *loop.Kernel, t Target, r *Record, looped bool) (f *Function, reason string) {
	for _, rows := range rowChoices(t) {
		f, reason = lowerWith(k, t, rows, r, looped)
		if f == nil || f.Spills == 0 || !f.lower {
			break
		}
	}
	return f, reason
}

// rowChoices are the heights of tiles to try, from the highest: a lower tile is
// taken when an epilogue needs the registers.
func rowChoices(t Target) []int {
	if t == AVX512 {
		return []int{14, 12, 10, 8, 6}
	}
	return []int{6, 5, 4}
}

func lowerWith(k *loop.Kernel, t Target, rows int, r *Record, looped bool) (f *Function, reason string) {
	defer func() {
		if e := recover(); e != nil {
			why, ok := e.(refusal)
			if !ok {
				panic(e)
			}
			f, reason = nil, why.reason
		}
	}()
	f = &Function{Name: k.Name + strings.ToUpper(t.String()), Target: t, Kernel: k, record: r}
	g := newGenerator(k, t)
	g.looped = looped
	g.arguments(f)
	g.supported()
	g.emitKernel(f, rows)
	g.emit("VZEROUPPER")
	g.emit("RET")
	g.code.insts = g.scopes[0].body
	f.tables = g.tables
	var points *pauses
	if f.record != nil && g.pauses {
		points = &pauses{argument: f.pauseArgument()}
	}
	f.finish(g, points)
	if points != nil && points.room+f.frame > pauseRoom { // it would keep too much
		points = nil
		f.finish(g, nil)
	}
	if points != nil {
		points.enter(f)
	}
	return f, ""
}

// finish prints the code.
func (f *Function) finish(g *generator, points *pauses) {
	f.body, f.frame, f.consts, f.Spills = g.code.text(g.scratch, points)
	if f.record != nil {
		f.record.unpack(f)
	}
}

func newGenerator(k *loop.Kernel, t Target) *generator {
	g := &generator{target: t, kernel: k, rw: newRewriter(t), code: &code{target: t, classes: []class{gp}}, ids: map[any]int{}, places: map[element]linear{},
		params: map[string]string{}, results: map[*loop.Result]*result{}, nexts: map[*loop.Result]operand{}, written: map[*loop.Param]bool{}, maskLanes: map[reg]int64{}}
	for _, p := range k.Params {
		g.written[p] = p.Write
	}
	g.push(&scope{})
	return g
}

// recordName is the parameter that points to a record.
const recordName = "a"

// arguments lays out the function's arguments and names them for the code.
func (g *generator) arguments(f *Function) {
	taken := map[string]bool{"g": true, "lo": true, "hi": true}
	offset := 0
	if f.record != nil { // an attempt with other tiles may have filled it
		f.record = &Record{Type: f.record.Type}
	}
	add := func(key, name string, a Arg) {
		if key != "lo" && key != "hi" {
			for taken[name] || token.IsKeyword(name) {
				name += "_"
			}
			taken[name] = true
		}
		a.Name = name
		f.Args = append(f.Args, a)
		n := a.size()
		if f.record != nil && a.Kind != Item {
			g.params[key] = f.record.place(f.Args)
			return
		}
		if f.record != nil && offset == 0 {
			offset = 8 // after the record's address
		}
		offset = (offset + n - 1) / n * n
		g.params[key] = fmt.Sprintf("%s+%d(FP)", name, offset)
		offset += n
		f.size = offset
	}
	for _, p := range g.kernel.Params {
		add("p "+p.Name, p.Name, Arg{Kind: Pointer, Type: p.DType})
	}
	for _, d := range g.kernel.Dims {
		add("d "+d, d, Arg{Kind: Size})
	}
	for _, s := range g.kernel.Scalars {
		add("s "+s.Name, s.Name, Arg{Kind: Scalar, Type: s.DType})
	}
	for _, c := range g.kernel.Counters {
		add("c "+c, c, Arg{Kind: Count})
	}
	add("lo", "lo", Arg{Kind: Item})
	add("hi", "hi", Arg{Kind: Item})
}

// supported refuses element types that have no lanes here.
func (g *generator) supported() {
	if len(g.kernel.Parts) > 0 {
		refuse("parts, which are kernels themselves")
	}
	for _, p := range g.kernel.Params {
		switch p.DType {
		case dim.Float32, dim.BFloat16, dim.Int32, dim.Uint32, dim.Uint8, dim.Int8, dim.Bool, dim.Int64:
		default:
			refuse("elements of " + p.DType.String())
		}
	}
	for _, s := range g.kernel.Scalars {
		if s.DType.Size() != 4 && s.DType != dim.BFloat16 {
			refuse("a scalar of " + s.DType.String())
		}
	}
}

// emitKernel picks the walk over the kernel's points and emits it.
func (g *generator) emitKernel(f *Function, rows int) {
	p := g.prepare(g.kernel)
	switch {
	case len(p.phases) == 1 && p.phases[0].Kind == loop.Map:
		ph := p.phases[0]
		axes := p.space
		lane := g.laneAxis(axes, p.phases)
		if lane == nil {
			lane = &loop.Axis{Name: "one", Extent: dim.Const(1)}
		}
		if t := g.transposing(axes, lane, ph); t != nil {
			g.turn, g.rowAlign = t, int64(t.rows)
			f.Items = t.items(g)
			f.Shape = fmt.Sprintf("block of %d x %d, transposed", t.rows, t.width(g))
			f.Grain = g.grain(int64(t.rows)*t.width(g), lane, p.phases)
			g.tiles(t, p.phases)
			return
		}
		w := newWalking(without(axes, lane), lane, lane.Extent, elementsOf(ph))
		f.Items = w.items()
		f.Shape = fmt.Sprintf("run of %d x %d elements", w.rowChunk, w.laneChunk)
		f.Grain = g.grain(w.rowChunk*w.laneChunk, lane, p.phases)
		g.elementwise(w, ph)
	case g.wantsRows(p):
		length := dim.Const(1)
		pieces := dim.Const(0)
		for _, ph := range p.phases {
			n := dim.Const(1)
			for _, a := range ph.Axes {
				n = n.Mul(a.Extent)
			}
			if len(n.Terms()) > 0 && !n.Is(1) {
				length = n
			}
			pieces = pieces.Add(n)
		}
		if pieceWise(p.phases) {
			length = pieces
		}
		w := newWalking(p.space, nil, length, chunkElements)
		f.Items = w.items()
		f.Shape = fmt.Sprintf("run of %d rows", w.rowChunk)
		f.Grain = g.grain(w.rowChunk, nil, p.phases)
		g.rowKernel(w, p.phases)
	default:
		t := g.tiling(p, rows)
		f.Items = t.items(g)
		f.Shape = fmt.Sprintf("tile of %d x %d", t.rows, t.width(g))
		f.Grain = g.grain(int64(t.rows)*t.width(g), t.lane, p.phases)
		g.fewRows(f, t, p.phases)
		f.lower = t.rows > 4
		g.tiles(t, p.phases)
	}
}

func without(axes []*loop.Axis, a *loop.Axis) []*loop.Axis {
	return slices.DeleteFunc(slices.Clone(axes), func(b *loop.Axis) bool { return a == b })
}

// pieceWise reports whether phases write a row piece by piece.
func pieceWise(phases []*loop.Phase) bool {
	return !slices.ContainsFunc(phases, func(ph *loop.Phase) bool { return ph.Kind != loop.Map || len(ph.Axes) == 0 })
}

// wantsRows reports whether lanes run along the phases' own axes: when a
// reduction in lanes is longer than a few elements, or a row is written in pieces.
func (g *generator) wantsRows(p *prepared) bool {
	if pieceWise(p.phases) {
		return true
	}
	long := false
	for _, ph := range p.phases {
		switch {
		case ph.Kind == loop.Reduce && ph.Order == loop.Lanes:
			n := dim.Const(1)
			for _, a := range ph.Axes {
				n = n.Mul(a.Extent)
			}
			c, known := n.Int()
			long = long || !known || c > laneCount
			if lane := g.laneAxis(p.space, p.phases); lane == nil || g.fullness(lane) < 0.2 {
				long = true
			}
		case ph.Kind == loop.Map:
		default:
			return false
		}
	}
	return long
}

// tiling picks lane axis, row axis and size of the tiles.
func (g *generator) tiling(p *prepared, rows int) *tiling {
	t := &tiling{rows: 1, vectors: 1}
	var contract *loop.Phase
	for _, ph := range p.phases {
		if ph.Kind == loop.Contract {
			contract = ph
		}
	}
	if contract == nil {
		t.lane = g.laneAxis(p.space, p.phases)
	} else {
		g.splitStrides(p, contract)
		t.lane = g.contractLane(p, contract)
	}
	if t.lane == nil {
		t.lane = &loop.Axis{Name: "one", Extent: dim.Const(1)}
	}
	t.outer = without(p.space, t.lane)
	w := int64(g.target.lanes())
	needed := int64(2)
	n, known := t.lane.Extent.Int()
	if known {
		needed = max(1, (n+w-1)/w)
	}
	if contract == nil {
		if len(p.phases) > 0 && p.phases[0].Kind == loop.Reduce && p.phases[0].Order == loop.Serial {
			t.vectors = int(min(needed, 4))
			t.vectors = g.sharedVectors(t, p.phases[0])
			g.serialRows(t, p)
		}
		return t
	}
	t.vectors = int(min(needed, 2))
	t.row = g.contractRow(t, contract)
	if t.row == nil {
		t.vectors = int(min(needed, 4))
		return t
	}
	t.outer = without(t.outer, t.row)
	t.rows = rows
	if t.vectors == 1 {
		t.rows = rows + rows/2
	}
	if w := g.panelOf(t.row, contract); w > 0 {
		// Tiles that divide a panel find their rows side by side in it.
		t.rows = map[Target]int{AVX512: 8, AVX2: 4}[g.target]
		g.rowAlign = int64(t.rows)
		return t
	}
	if _, known := t.row.Extent.Int(); !known && needed > 2 {
		t.vectors, t.narrow = int(min(needed, 4)), 2 // there may be a single row
	}
	m, known := t.row.Extent.Int()
	switch {
	case known && m > 0:
		t.rows = evenRows(m, int64(t.rows))
		g.secondRow(t, contract, p.phases, rows)
	case g.target == AVX512 && t.vectors >= 2:
		t.rows = min(t.rows, 8)
	case g.target == AVX512:
		t.rows = min(t.rows, 16)
	}
	return t
}

// evenRows is the height of tiles of nearly equal height, at most so many rows.
func evenRows(m, most int64) int {
	count := (m + most - 1) / most
	return int((m + count - 1) / count)
}

// busyRows is the number of sums that keep two multiply-add units busy.
const busyRows = 8

// secondRow gives a tile of too few rows a second row axis: one that it has whole
// is the faster, another one, of any extent, is cut into tiles.
func (g *generator) secondRow(t *tiling, c *loop.Phase, phases []*loop.Phase, rows int) {
	m, _ := t.row.Extent.Int()
	if t.rows*t.vectors >= busyRows || int64(t.rows) != m || m < 2 {
		return
	}
	most := int64(rows+rows/2) / (m * int64(t.vectors))
	guarded := func(a *loop.Axis) bool {
		return c.A.Op == loop.Load && c.A.Guard != nil && mentions(c.A.Guard, a) || c.B.Op == loop.Load && c.B.Guard != nil && mentions(c.B.Guard, a)
	}
	var best *loop.Axis
	for _, a := range t.outer {
		if n, ok := a.Extent.Int(); ok && n < 2 || most < 2 || guarded(t.row) {
			continue
		}
		if best == nil || guarded(best) && !guarded(a) {
			best = a
		}
	}
	even := true
	for _, ph := range phases {
		accesses(ph, func(p *loop.Param, index []*loop.Expr, _ bool) {
			_, ok := g.position(p, index).coef(t.row).Int()
			even = even && ok
		})
	}
	if best == nil || !even {
		return
	}
	t.whole, t.row, g.whole = t.row, best, int(m)
	t.outer = without(t.outer, best)
	t.rows = int(most)
	if n, ok := best.Extent.Int(); ok {
		t.rows = evenRows(n, most)
	}
}

// serialRows gives up lanes for a serial reduction whose values lie apart along
// the lane axis: several chains of single values, a row each, are faster than
// gathering.
func (g *generator) serialRows(t *tiling, p *prepared) {
	if t.lane.Extent.Is(1) || g.stridesOf(t.lane, p.phases[:1]).other == 0 {
		return
	}
	t.row, t.lane = t.lane, &loop.Axis{Name: "one", Extent: dim.Const(1)}
	t.vectors, t.rows = 1, 8
	if m, ok := t.row.Extent.Int(); ok && m > 0 {
		count := (m + 7) / 8
		t.rows = int((m + count - 1) / count)
	}
}

const (
	longColumn  = 4 << 10 // elements of a serial reduction that workers share
	sharedItems = 8       // if there are fewer items
	sharedLanes = 32      // into items of at least so many lanes: panels are so wide
)

// sharedVectors is the number of vectors of a tile in serial reductions: fewer where
// few points have long sums, so that more workers share them.
func (g *generator) sharedVectors(t *tiling, c *loop.Phase) int {
	w := int64(g.target.lanes())
	items := func() int64 {
		wide := w * int64(t.vectors)
		return usualSize(t.outer...) * ((usualSize(t.lane) + wide - 1) / wide)
	}
	for usualSize(c.Axes...) >= longColumn && int64(t.vectors)*w >= 2*sharedLanes && items() < sharedItems {
		t.vectors /= 2
	}
	return t.vectors
}

// panelOf is the width of the panels that axis a runs through in an operand, 0
// for none.
func (g *generator) panelOf(a *loop.Axis, c *loop.Phase) int64 {
	width := int64(0)
	accesses(c, func(p *loop.Param, index []*loop.Expr, _ bool) {
		if p.Layout != nil && index[p.Layout.Lane].Op == loop.AxisVar && index[p.Layout.Lane].Axis == a {
			width = int64(p.Layout.Width)
		}
	})
	return width
}

// contractLane picks the axis along which one operand is consecutive and the
// other the same.
func (g *generator) contractLane(p *prepared, c *loop.Phase) *loop.Axis {
	operands := &loop.Phase{Kind: loop.Contract, A: c.A, B: c.B}
	var best *loop.Axis
	bestScore := 0
	for _, a := range p.space {
		s, all := g.stridesOf(a, []*loop.Phase{operands}), g.stridesOf(a, p.phases)
		score := 10*s.unit + 8*s.zero - 30*s.other + all.unit - 3*all.other
		if s.unit == 0 {
			score -= 20
		}
		if n, ok := a.Extent.Int(); ok && n < int64(g.target.lanes()) {
			score -= int(int64(g.target.lanes()) - n)
		}
		if best == nil || score >= bestScore {
			best, bestScore = a, score
		}
	}
	return best
}

// contractRow picks the axis whose rows share the operand that runs along lanes:
// the longest, or the last one of known extent that fills tiles, whose rows lie
// side by side.
func (g *generator) contractRow(t *tiling, c *loop.Phase) *loop.Axis {
	var best *loop.Axis
	size := func(a *loop.Axis) int64 {
		if n, ok := a.Extent.Int(); ok {
			return n
		}
		return unknownDim
	}
	b := c.B
	if !mentions(b, t.lane) {
		b = c.A
	}
	for _, a := range t.outer {
		if mentions(b, a) {
			continue
		}
		_, known := a.Extent.Int()
		if best == nil || size(a) > size(best) || known && size(a) >= fullRows {
			best = a
		}
	}
	return best
}

// fullRows is the number of rows from which on a tile is worth having.
const fullRows = 6

// splitStrides cuts axes that positions divide by a stride: every so-manyth point
// has the same taps, so these make a tile, whose positions are plain.
func (g *generator) splitStrides(p *prepared, c *loop.Phase) {
	for i := 0; i < len(p.space); i++ {
		a := p.space[i]
		stride := int64(0)
		phaseExprs(c, func(e *loop.Expr) {
			if e.Op != loop.FloorDiv || e.Type != dim.Int64 {
				return
			}
			if n, ok := constIndex(e.Args[1]); ok && n > 1 && linearOf(e.Args[0]).coef(a).Is(1) {
				stride = n
			}
		})
		m, known := a.Extent.Int()
		if stride == 0 || !known || m%stride != 0 {
			continue
		}
		wide := &loop.Axis{Name: a.Name, Extent: dim.Const(m / stride)}
		part := &loop.Axis{Name: a.Name + "Part", Extent: dim.Const(stride)}
		g.rw.replace(a, g.blockPosition(wide, part, stride))
		for _, ph := range p.phases {
			*ph = *g.rw.phase(ph, ph.Axes)
		}
		g.rw.release(a)
		p.space = slices.Replace(slices.Clone(p.space), i, i+1, part, wide)
		i++
	}
}

// fewRows finds how many rows or terms of a product make it worth sharing: of rows that
// is less than a tile, since the number of tiles tells else.
func (g *generator) fewRows(f *Function, t *tiling, phases []*loop.Phase) {
	i := slices.IndexFunc(phases, func(ph *loop.Phase) bool { return ph.Kind == loop.Contract })
	if i < 0 || t.row == nil || len(t.outer) > 0 {
		return
	}
	var open *loop.Axis // that calls have more or less of
	work, points := int64(multiplyAdd), int64(1)
	for n, a := range append([]*loop.Axis{t.lane, t.row}, phases[i].Axes...) {
		size, known := a.Extent.Int()
		switch {
		case known && size <= 1<<20 && work <= 1<<40:
			work *= size
			if n < 2 {
				points *= size
			}
		case known || open != nil:
			return
		default:
			open = a
		}
	}
	if open == nil {
		return
	}
	enough := int64(sharedWork * 1000)
	if open != t.row { // the maps work on all results, however many terms these have
		enough -= g.mapWork(points, t.lane, phases)
	}
	n := (enough + work - 1) / max(work, 1)
	if n > 1 && (open != t.row || n <= int64(t.rows)) {
		f.Rows, f.Few = open.Extent, n
	}
}

// mapWork estimates the picoseconds that the maps of so many points take.
func (g *generator) mapWork(points int64, lane *loop.Axis, phases []*loop.Phase) int64 {
	picos := int64(0)
	for _, ph := range phases {
		if ph.Kind != loop.Contract {
			cost := g.memoryCost(ph, lane)
			phaseExprs(ph, func(*loop.Expr) { cost += 15 })
			picos += min(points*usualSize(ph.Axes...), 1<<40) * cost
		}
	}
	return picos
}

const (
	grainWork  = 3_000 // nanoseconds of work worth a turn of a worker
	sharedWork = 4_000 // nanoseconds of work worth a second worker
	unknownDim = 64    // taken for a run-time size

	multiplyAdd = 20 // picoseconds, in a vector
)

// grain estimates how many items make a turn, each of so many points, with lanes
// along an axis or along the phases' own.
func (g *generator) grain(points int64, lane *loop.Axis, phases []*loop.Phase) int64 {
	picos := g.mapWork(points, lane, phases)
	for _, ph := range phases {
		if ph.Kind == loop.Contract {
			picos += min(points*usualSize(ph.Axes...), 1<<40) * multiplyAdd
		}
	}
	return min(max(1, grainWork*1000/max(picos, 1)), 1<<16)
}

// usualSize is the number of points along axes, with what is taken for run-time
// sizes: an axis may stand for several, such as all rows of all images.
func usualSize(axes ...*loop.Axis) int64 {
	n := int64(1)
	for _, a := range axes {
		env := map[string]int64{}
		for _, s := range a.Extent.Symbols() {
			env[s] = unknownDim
		}
		e, err := a.Extent.Eval(env)
		if err != nil {
			e = unknownDim
		}
		n = min(n, 1<<20) * min(max(e, 1), 1<<20)
	}
	return n
}

// memoryCost estimates the picoseconds that an element's way from and to memory
// takes.
func (g *generator) memoryCost(ph *loop.Phase, lane *loop.Axis) int64 {
	if lane == nil {
		if len(ph.Axes) == 0 {
			return 0
		}
		lane = ph.Axes[len(ph.Axes)-1]
	}
	s := g.stridesOf(lane, []*loop.Phase{ph})
	if g.turn != nil { // whole vectors are read, though along another axis
		return 200 * int64(s.unit+s.other)
	}
	return 200*int64(s.unit) + 1000*int64(s.other)
}

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
	Spills int     // vector values that did not fit into registers

	lower  bool // a lower tile is possible
	frame  int
	body   string
	consts []uint32
}

// Lower emits a kernel for a target. When the kernel is not covered it returns
// nil and the reason.
func Lower(k *loop.Kernel, t Target) (f *Function, reason string) {
	for _, rows := range rowChoices(t) {
		f, reason = lowerWith(k, t, rows)
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

func lowerWith(k *loop.Kernel, t Target, rows int) (f *Function, reason string) {
	defer func() {
		if r := recover(); r != nil {
			why, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			f, reason = nil, why.reason
		}
	}()
	f = &Function{Name: k.Name + strings.ToUpper(t.String()), Target: t, Kernel: k}
	g := newGenerator(k, t)
	g.arguments(f)
	g.supported()
	g.emitKernel(f, rows)
	g.emit("VZEROUPPER")
	g.emit("RET")
	g.code.insts = g.scopes[0].body
	f.body, f.frame, f.consts, f.Spills = g.code.text(g.scratch)
	return f, ""
}

func newGenerator(k *loop.Kernel, t Target) *generator {
	g := &generator{target: t, kernel: k, rw: newRewriter(t), code: &code{target: t, classes: []class{gp}}, ids: map[any]int{},
		params: map[string]string{}, results: map[*loop.Result]*result{}, nexts: map[*loop.Result]operand{}, written: map[*loop.Param]bool{}}
	for _, p := range k.Params {
		g.written[p] = p.Write
	}
	g.push(&scope{})
	return g
}

// arguments lays out the function's arguments and names them for the code.
func (g *generator) arguments(f *Function) {
	taken := map[string]bool{"g": true, "lo": true, "hi": true}
	offset := 0
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
		offset = (offset + n - 1) / n * n
		g.params[key] = fmt.Sprintf("%s+%d(FP)", name, offset)
		offset += n
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
		axes := g.mergeAxes(append(slices.Clone(p.space), ph.Axes...), p.phases)
		lane := g.laneAxis(axes, p.phases)
		if lane == nil {
			lane = &loop.Axis{Name: "one", Extent: dim.Const(1)}
		}
		ph.Axes = nil
		w := newWalking(without(axes, lane), lane, lane.Extent)
		f.Items = w.items()
		f.Shape = fmt.Sprintf("run of %d x %d elements", w.rowChunk, w.laneChunk)
		f.Grain = grain(w.rowChunk*w.laneChunk, p.phases)
		g.elementwise(w, ph)
	case g.wantsRows(p):
		length := dim.Const(1)
		for _, ph := range p.phases {
			n := dim.Const(1)
			for _, a := range ph.Axes {
				n = n.Mul(a.Extent)
			}
			if len(n.Terms()) > 0 && !n.Is(1) {
				length = n
			}
		}
		w := newWalking(p.space, nil, length)
		f.Items = w.items()
		f.Shape = fmt.Sprintf("run of %d rows", w.rowChunk)
		f.Grain = grain(w.rowChunk, p.phases)
		g.rowKernel(w, p.phases)
	default:
		t := g.tiling(p, rows)
		f.Items = t.items(g)
		f.Shape = fmt.Sprintf("tile of %d x %d", t.rows, t.width(g))
		f.Grain = grain(int64(t.rows)*t.width(g), p.phases)
		f.lower = t.rows > 4
		g.tiles(t, p.phases)
	}
}

func without(axes []*loop.Axis, a *loop.Axis) []*loop.Axis {
	return slices.DeleteFunc(slices.Clone(axes), func(b *loop.Axis) bool { return a == b })
}

// wantsRows reports whether lanes run along the phases' own axes: when a
// reduction in lanes is longer than a few elements.
func (g *generator) wantsRows(p *prepared) bool {
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
	m, known := t.row.Extent.Int()
	switch {
	case known && m > 0: // tiles of nearly equal height
		count := (m + int64(t.rows) - 1) / int64(t.rows)
		t.rows = int((m + count - 1) / count)
	case g.target == AVX512 && t.vectors == 2:
		t.rows = min(t.rows, 8)
	case g.target == AVX512:
		t.rows = min(t.rows, 16)
	}
	return t
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

// contractRow picks the axis whose rows share the operand that runs along lanes.
func (g *generator) contractRow(t *tiling, c *loop.Phase) *loop.Axis {
	var best *loop.Axis
	size := func(a *loop.Axis) int64 {
		if n, ok := a.Extent.Int(); ok {
			return n
		}
		return 64
	}
	b := c.B
	if !mentions(b, t.lane) {
		b = c.A
	}
	for _, a := range t.outer {
		if mentions(b, a) {
			continue
		}
		if best == nil || size(a) > size(best) {
			best = a
		}
	}
	return best
}

const (
	grainWork  = 3_000 // nanoseconds of work worth a turn of a worker
	unknownDim = 64    // taken for a run-time size
)

// grain estimates how many items make a turn, each of so many points.
func grain(points int64, phases []*loop.Phase) int64 {
	picos := int64(0)
	for _, ph := range phases {
		n := points
		for _, a := range ph.Axes {
			c, ok := a.Extent.Int()
			if !ok {
				c = unknownDim
			}
			n = min(n*max(c, 1), 1<<40)
		}
		cost := int64(20) // picoseconds for a multiply-add in a vector
		if ph.Kind != loop.Contract {
			cost = 0
			phaseExprs(ph, func(*loop.Expr) { cost += 15 })
		}
		picos += n * cost
	}
	return min(max(1, grainWork*1000/max(picos, 1)), 1<<16)
}

// Package loop is the loop IR: kernels over counted axes, the buffers they work
// on, and the schedule that calls them. It is the small, closed middle where
// operations above and targets below meet.
//
// It knows no layer and no operation of the tensor IR. Its invariant is that a
// kernel's meaning (doc of Phase) fixes every bit of its result; targets choose
// only tiles, vector width, unrolling and threads.
package loop

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Program is a lowered model: everything that code generation prints.
type Program struct {
	Name, Doc, File string
	Args            []NamedText // hyper-parameters as compiled
	Vars            []*Var
	Kernels         []*Kernel // each once; calls share equal ones
	Funcs           []*Func
}

// NamedText is a name with a text.
type NamedText struct{ Name, Text string }

// Var is a stored tensor with the layout it lives in.
type Var struct {
	Name   string // in files
	Ident  string // label path
	Kind   string // param, buffer, optimizer, metric, session
	DType  dim.DType
	Shape  []dim.Dim
	Layout *Layout // nil: row-major
	Frozen bool
	Origin Origin
	Owner  string // session states: the entry; metric states: the train block
}

// Layout is a blocked order of axes: physical [ceil(n/Width)][Rest...][Width]
// where n is the extent of axis Lane and Rest lists the other axes. The last
// block is padded with zeros that no kernel reads as data.
type Layout struct {
	Lane, Width int
	Rest        []int
}

// Origin is the model text that something came from.
type Origin struct {
	Line  int    // 1-based line in the spec, 0 for none
	File  string // base name
	Label string // "fc1: linear(hidden) -> relu"
}

// BufferKind says where a buffer lives.
type BufferKind uint8

// The places of buffers.
const (
	Temp   BufferKind = iota // in the session's arena
	Input                    // the caller's slice
	Output                   // in the session, valid until the next call
	Stored                   // a Var's memory
	Table                    // constant data of the program (Data)
)

// Buffer is memory for one tensor during a Func.
type Buffer struct {
	ID     int
	Name   string // readable and unique in the Func: "h", "logits", "dFc1"
	Kind   BufferKind
	DType  dim.DType
	Shape  []dim.Dim
	Layout *Layout
	Var    *Var     // of Stored
	Data   []uint32 // of Table: bits of each element
	Origin Origin
	Slot   int // arena slot chosen by pass plan; -1 before it and for others than Temp and Output
}

// Size returns the number of elements in memory, padding included.
func (b *Buffer) Size() dim.Dim { return PhysicalSize(b.Shape, b.Layout) }

// PhysicalSize returns the number of elements that a shape takes in a layout.
func PhysicalSize(shape []dim.Dim, l *Layout) dim.Dim {
	if l == nil {
		return dim.Product(shape)
	}
	w := dim.Const(int64(l.Width))
	n := shape[l.Lane].CeilDiv(w).Mul(w)
	for _, a := range l.Rest {
		n = n.Mul(shape[a])
	}
	return n
}

// Func is one entry point: an entry, a training step, an evaluation step or the
// initialisation.
type Func struct {
	Name, Doc string
	Kind      string        // forward, train, eval, init, finish (a metric's end)
	Dims      []string      // run-time sizes, in order of first appearance in Inputs
	Checks    []Check       // tested on entry
	Inputs    []*Buffer     // names and symbolic shapes are the caller's contract
	Outputs   []NamedBuffer // train, eval: the loss first
	Metrics   []Metric
	Scalars   []Scalar  // host scalars, computed once a call in this order
	Buffers   []*Buffer // all others, in order of first use
	Body      []Step
	Slots     []Slot // the arena
}

// Check is a condition on dimensions: Cond must not be zero.
type Check struct {
	Cond    *scalar.Expr
	Message string
}

// NamedBuffer is an output.
type NamedBuffer struct {
	Name   string
	Buffer *Buffer
}

// Metric is a reported figure; see ir.Metric.
type Metric struct {
	Name   string
	Output int // index in Outputs, -1 for a unit
	States []*Var
	Finish *Func // inputs are none: it reads the states as Stored buffers; one output
}

// Scalar is a host scalar, rounded once to DType and passed to kernels.
type Scalar struct {
	Name  string
	DType dim.DType
	Expr  *scalar.Expr
}

// Slot is a piece of the arena. Its size in bytes is the largest of Sizes
// (elements times the element's size); buffers of one slot are never live together.
type Slot struct {
	Sizes []SlotSize
}

// SlotSize is the size of one buffer in a slot.
type SlotSize struct {
	Elements dim.Dim
	DType    dim.DType
}

// Step is a *Call or a *For.
type Step interface{ step() }

// Call runs a kernel on buffers.
type Call struct {
	Kernel   *Kernel
	Args     []Arg     // one for each of Kernel.Params
	Dims     []dim.Dim // one for each of Kernel.Dims
	Scalars  []*Scalar // one for each of Kernel.Scalars
	Counters []*For    // one for each of Kernel.Counters
	Origin   Origin
	Metric   bool // only metrics need it: skipped in steps not asked to report
	// AfterLoss marks a call that must not run when the loss is not finite:
	// it changes stored tensors, or needs one that does.
	AfterLoss bool
}

// Arg is a buffer, or the slice of it at position At of its first axis.
type Arg struct {
	Buffer *Buffer
	At     *Index // nil: the whole buffer
}

// Index is a position along a leading axis inside a For: Var, or Extent-1-Var
// when Reverse, plus Offset.
type Index struct {
	Loop    *For
	Reverse bool
	Offset  int64
}

// For repeats Body Extent times, one after another: a scan over time.
type For struct {
	Name   string
	Extent dim.Dim
	Body   []Step
	Origin Origin
}

func (*Call) step() {}
func (*For) step()  {}

// Kernel is one function of generated code: phases over a shared space of
// independent points. Points may run in any order and in parallel; the phases
// run in order at each point.
type Kernel struct {
	Name     string // readable, unique in the Program: "fc1Forward"
	Doc      string // what it computes, one line
	Params   []*Param
	Dims     []string       // run-time sizes it needs, by the kernel's own names
	Scalars  []*ScalarParam // host scalars it needs
	Counters []string       // counters of enclosing Fors, or positions of a point that it is a part of
	Space    []*Axis
	Phases   []*Phase
	Origins  []Origin // model lines, of all calls

	// In place of phases a kernel may have parts: kernels that run in order at each
	// point of Space and, with Tiles, at each tile. Locals are memory that a point
	// has for itself while it runs.
	Locals []*Param
	Parts  []*Part
	Tiles  *Tiles
}

// Tiles cut an axis into tiles of Size positions; the last one may be smaller.
// The sizes of parts may refer to the present tile by two names: Rows is the
// number of its positions, End the position behind its last one.
//
// The tiles of a point are independent, unless Serial: then they run in order, and
// the locals keep what is in them from tile to tile.
type Tiles struct {
	Axis      *Axis
	Size      int64
	Rows, End string
	Serial    bool
}

// When says at which of the tiles of a point a part runs.
type When uint8

// The choices: at every tile, at the first or the last one, and at those that end
// a block of TileBlock positions or the axis.
const (
	Always When = iota
	AtFirst
	AtBlock
	AtLast
)

// TileBlock is the length of the blocks of AtBlock: that of a contraction's.
const TileBlock = 1024

// Part is the call of a kernel at each point of another kernel's space.
type Part struct {
	Kernel   *Kernel
	Args     []*Param       // one for each of Kernel.Params: a parameter or a local of the kernel around it
	Dims     []dim.Dim      // one for each of Kernel.Dims, over the sizes of the kernel around it
	Scalars  []*ScalarParam // one for each of Kernel.Scalars
	When     When           // of a kernel with tiles
	Counters []*Axis        // one for each of Kernel.Counters: the point's position on an axis, or the tile's first
}

// Param is a buffer argument of a kernel.
type Param struct {
	Name   string
	DType  dim.DType
	Shape  []dim.Dim // over the kernel's Dims
	Layout *Layout
	Read   bool
	Write  bool
}

// ScalarParam is a scalar argument of a kernel.
type ScalarParam struct {
	Name  string
	DType dim.DType
}

// Axis is a counted loop from 0 to Extent-1.
type Axis struct {
	Name   string
	Extent dim.Dim
}

// PhaseKind says how a phase combines the points of its inner axes.
type PhaseKind uint8

// The kinds of phases.
const (
	// Map evaluates Stores at every point of Space x Axes; points are independent.
	Map PhaseKind = iota
	// Reduce combines the values of Reducers over Axes; later phases read the
	// results through Result expressions. Order fixes the bits:
	// Lanes: logical index i over Axes (row-major) in chunks of 1,024; in a chunk
	// 32 lanes, lane i mod 32, each starting at the identity; then
	// lane l = lane l + lane l+w for w = 16, 8, 4, 2, 1; chunk results in order,
	// the total starting as the first chunk's result.
	// Serial: blocks of 256, each from the identity in index order; block results
	// in order, the total starting as the first block's result.
	// No elements: the identity.
	Reduce
	// Contract is a Reduce of products: blocks of 1,024 over Axes (row-major),
	// each a chain of fused multiply-adds acc = fma(A, B, acc) from +0; block
	// sums added in order, the total starting as the first block's sum. With Init it
	// is one chain, however long, that starts from Init.
	Contract
	// Sequence runs its single axis in order with Carries: at each index Next is
	// computed from the carries' old values, then Stores, which may read Next values.
	Sequence
	// ScatterAdd runs Axes in row-major order at each point of Space and adds
	// Value to the element that its store names: plain adds in index order.
	ScatterAdd
	// Sort orders the single axis stably (Descending or not; NaN last), then writes the
	// sorted values and the original positions of the first Keep of them.
	Sort
)

// ReduceOrder is the order of a Reduce.
type ReduceOrder uint8

// The two orders of the float contract.
const (
	Lanes ReduceOrder = iota
	Serial
)

// Combiner is the operation of a Reducer.
type Combiner uint8

// The combiners. Combining a with b, b of higher lane or later index:
// MaxOf is (a < b || b != b) ? b : a and MinOf is (b < a || b != b) ? b : a, so a
// NaN wins and a tie keeps a. ArgMaxOf and ArgMinOf give the lowest index (int32)
// of the extreme value, a NaN being the most extreme. Identities: 0, 1, -Inf or
// the least integer, +Inf or the greatest, false, true.
const (
	Sum Combiner = iota
	Prod
	MaxOf
	MinOf
	ArgMaxOf
	ArgMinOf
	AnyOf // bool or
	AllOf // bool and
)

// Phase is one step of a kernel at each point of its Space.
type Phase struct {
	Kind     PhaseKind
	Axes     []*Axis
	Order    ReduceOrder // of Reduce
	Reducers []*Reducer  // of Reduce
	A, B     *Expr       // of Contract: loads, possibly guarded or selected
	Acc      *Result     // of Contract: the sum
	Init     *Expr       // of Contract: what the chain starts from; nil for +0
	Carries  []*Carry    // of Sequence
	Stores   []*Store    // of Map, Sequence, ScatterAdd
	Sort     *SortSpec   // of Sort
}

// Reducer is one combined value of a Reduce.
type Reducer struct {
	Op     Combiner
	Value  *Expr
	Result *Result
}

// Result is a value that a phase leaves for later phases of the same point.
type Result struct {
	Name string
	Type dim.DType
}

// Carry is a value carried along a Sequence.
type Carry struct {
	Init, Next *Expr
	Current    *Result // its value before the index's Next
}

// Store writes Value to an element of a parameter. Index is one integer
// expression for each logical axis of the parameter.
type Store struct {
	Param *Param
	Index []*Expr
	Value *Expr
	If    *Expr // nil: always
}

// SortSpec is what a Sort phase sorts and where the results go: Values and
// Positions (either may be nil) have the sorted axis at Axis, with extent Keep.
type SortSpec struct {
	Value      *Expr
	Descending bool
	Keep       dim.Dim
	Values     *Store // Value is ignored; the axis variable stands for the rank
	Positions  *Store
}

package mlrt

import "io"

// DType is the element type of a tensor in memory.
type DType uint8

// The element types that generated code uses at its boundary.
const (
	Float32 DType = iota + 1
	Float64
	BFloat16
	Float16
	Int64
	Int32
	Int16
	Int8
	Uint8
	Bool
)

// Dim is one dimension of a declared shape: a fixed Size, or a symbolic size
// called Name that the caller's tensors determine.
type Dim struct {
	Name string // "" for a fixed size; may be an expression such as "2*time"
	Size int
}

// Field describes a declared input, output or stored tensor.
type Field struct {
	Name  string
	DType DType
	Shape []Dim
}

// VarKind says what a stored tensor is for.
type VarKind uint8

// The kinds of stored tensors.
const (
	Param     VarKind = iota // learnable
	Buffer                   // not learnable, saved with the model
	Optimizer                // optimizer state, saved in checkpoints
)

// VarInfo describes a stored tensor.
type VarInfo struct {
	Name   string // in files, such as "fc1.weight"
	DType  DType
	Shape  []int // row-major
	Kind   VarKind
	Frozen bool
	Line   int // in the spec
	Layout Panels
}

// FuncInfo describes an entry or a train block.
type FuncInfo struct {
	Name    string
	Inputs  []Field
	Outputs []Field  // of an entry
	Metrics []string // of a train block
}

// Info describes a generated model. It is shared and must not be changed.
type Info struct {
	Name    string // the model's name
	Package string
	File    string   // base name of the spec
	Hash    string   // of names, shapes and dtypes of all stored tensors: two models with the same hash load each other's files
	Args    []string // "name=value", hyper-parameters as compiled
	Vars    []VarInfo
	Entries []FuncInfo
	Trains  []FuncInfo
}

// Tensor is an untyped view of the caller's memory: Data is a []float32,
// []int32, []uint8, []bool or another slice of DType's Go type, row-major.
type Tensor struct {
	Shape []int
	Data  any
}

// Options say how a session or trainer runs.
type Options struct {
	Batch   int    // bound on the leading symbolic dimension; 0: grow on demand
	Threads int    // 0: min(GOMAXPROCS, cores)
	Seed    uint64 // of random draws in the step and of initial weights
	Target  string // "", "avx512", "avx2" or "go": force a path
}

// Model is the untyped face of a generated model. Reading and running it is
// safe from several goroutines; WriteVar is not.
type Model interface {
	Info() *Info
	// ReadVar copies stored tensor i, row-major, into dst: a slice of its Go type and size.
	ReadVar(i int, dst any) error
	// WriteVar sets stored tensor i from src, row-major.
	WriteVar(i int, src any) error
	// OpenSession returns scratch memory for inference by one goroutine.
	OpenSession(o Options) Session
	// OpenTrainer returns a trainer that works on a copy of the weights.
	OpenTrainer(o Options) Trainer
}

// Session runs entries; for one goroutine at a time.
type Session interface {
	// Run calls entry i of Info.Entries. The outputs stay valid until the next call.
	Run(i int, inputs []Tensor) ([]Tensor, error)
	Close() error
}

// Trainer trains; for one goroutine at a time.
type Trainer interface {
	Model
	// Step makes one update with train block i of Info.Trains and returns the
	// loss. With report, metrics count the batch too. A loss that is not finite
	// is an error that wraps ErrNotFinite, names the first bad tensor with its
	// model line, and changes no weight.
	Step(i int, inputs []Tensor, report bool) (loss float32, err error)
	// Evaluate computes loss and metrics of block i in inference form; metrics
	// count the batch.
	Evaluate(i int, inputs []Tensor) (loss float32, err error)
	// Metrics appends the metrics of block i, in Info's order, to dst.
	Metrics(i int, dst []float64) []float64
	// ResetMetrics zeroes the metrics of block i.
	ResetMetrics(i int)
	// Steps returns the number of steps made by block i, in which micro-batches of
	// accumulate count; SetSteps restores it.
	Steps(i int) int64
	SetSteps(i int, n int64)
	// SetInput sets a run-time setting that host scalars read, such as lr_scale.
	SetInput(name string, v float64)
	// Snapshot returns an immutable copy of the weights.
	Snapshot() Model
	Close() error
}

// Generated is what a generated package hands to programs that know models
// only through this contract.
type Generated struct {
	Info *Info
	New  func(seed uint64) Model
	Load func(r io.Reader) (Model, error)
}

// Package ir is the tensor IR: functions of values in static single assignment
// form, whose operations work on whole tensors with symbolic shapes.
//
// It holds the data structure, its text form and its verifier, and knows no
// operation: those implement Op in package op. Its invariant is that every
// value's type is the one that its operation infers from its arguments.
package ir

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Type is the type of a tensor.
type Type struct {
	DType dim.DType
	Shape []dim.Dim
}

// Value is one result of an instruction, or a parameter of a function (Def == nil).
type Value struct {
	ID    int    // unique in its Func tree; printed as %ID unless Name is set
	Name  string // a readable name from the model, not unique; may be empty
	Type  Type
	Def   *Instr
	Index int // which result of Def, or which parameter
}

// Instr applies an operation.
type Instr struct {
	Op      Op
	Args    []*Value
	Results []*Value
	Pos     diag.Span // the model text it came from
	Label   string    // readable origin: the stage that made it, such as "fc1: linear(hidden)"
	Path    string    // label path of the unit's instance, such as "h.0.attn"; parts separated by dots
	Group   int       // kernel group chosen by pass fuse; 0: a kernel of its own, -1: computed wherever it is read
	Metric  bool      // only metrics need it; runs in steps asked to report
	Remat   int       // number of the @remat instance it belongs to; 0 for none
}

// Func is a straight-line function: instructions in an order in which every
// value is defined before it is used.
type Func struct {
	Name    string
	Params  []*Value
	Instrs  []*Instr
	Results []*Value
	nextID  int
}

// Op is an operation with its attributes as exported fields of a struct type.
// Methods beyond these are found by interface assertion (see package op).
type Op interface {
	// Name is the operation's word in IR text.
	Name() string
	// Infer is the type rule. Its errors name both sides; the builder and the
	// verifier give them their position.
	Infer(in []Type) ([]Type, error)
}

// Region is implemented by operations that hold functions, such as scan.
// Every pass, the printer and the verifier recurse into them.
type Region interface {
	Op
	Bodies() []*Func
	// WithBodies returns the same operation over other bodies.
	WithBodies([]*Func) Op
}

// VarKind says what a stored tensor is for.
type VarKind uint8

// The kinds of stored tensors.
const (
	Param        VarKind = iota // learnable
	Buffer                      // not learnable, saved with the model
	OptState                    // optimizer state: optimizer/TRAIN/PARAMETER/STATE, saved in checkpoints
	MetricState                 // zeroed when reporting starts; not saved
	SessionState                // kept from call to call in a session that the caller owns
)

// Var is a stored tensor.
type Var struct {
	Name   string // its name in files: "fc1.weight"
	Ident  string // label path as the spec spells it, before @name
	Kind   VarKind
	Type   Type // concrete shape, except session states, which may use symbols
	Pos    diag.Span
	Label  string // the stage that declared it
	Frozen bool
	Roles  []string // bias, norm, embedding, ...
	Entry  string   // session states: the entry that owns it; metric states: the train block
}

// Read is how a function's parameter is bound, and Store what it leaves behind.
type (
	// Input is a function's input that the caller passes.
	Input struct {
		Name  string
		Doc   string
		Value *Value // one of Func.Params
		Pos   diag.Span
	}
	// Read binds a parameter of the function to a stored tensor's value at the start.
	Read struct {
		Var   *Var
		Value *Value // one of Func.Params
	}
	// Store commits a value to a stored tensor when the function ends.
	Store struct {
		Var   *Var
		Value *Value
		Pos   diag.Span
	}
	// Output is a named result.
	Output struct {
		Name  string
		Value *Value
		Pos   diag.Span
	}
	// Check is a condition on dimensions that could not be proved and is tested on entry:
	// Cond must not be zero.
	Check struct {
		Cond    *scalar.Expr
		Message string
		Pos     diag.Span
	}
)

// EntryKind says what a compiled function does.
type EntryKind uint8

// The kinds of functions in a program.
const (
	Forward EntryKind = iota // an entry, in inference form
	Train                    // a train block's step: outputs "loss" and metrics, stores parameters and state
	Eval                     // the same block in inference form: loss and metrics only
	Init                     // stores the initial value of every Var; no inputs
)

// Entry is a function with its bindings.
type Entry struct {
	Name    string // Go-visible name: "forward", "encode", train block name or "train"
	Doc     string
	Kind    EntryKind
	Func    *Func
	Inputs  []Input
	Reads   []Read
	Stores  []Store
	Outputs []Output // Train and Eval: Outputs[0] is the loss, the rest are metrics
	Metrics []Metric // Train and Eval
	Checks  []Check
	Pos     diag.Span
}

// Metric is a reported figure of a train block. A bare one averages its
// per-batch value weighted by batch size; a unit keeps MetricState vars and
// Finish computes its value from them.
type Metric struct {
	Name   string
	Output int    // index in Outputs of a bare metric's value, -1 for a unit
	States []*Var // of a unit
	Finish *Func  // of a unit: parameters are the states in order, result is the value
}

// Arg is a hyper-parameter with the value it was compiled for.
type Arg struct{ Name, Value string }

// Program is a whole model.
type Program struct {
	Name    string // the model's name
	Doc     string
	File    string // base name of the spec
	Args    []Arg
	Vars    []*Var // in order of declaration
	Entries []*Entry
}

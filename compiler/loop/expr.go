package loop

import (
	"github.com/mlc-go/mlc/compiler/dim"
)

// Op is a scalar operation. Integer index arithmetic uses dtype int64.
type Op uint8

// The scalar operations: the closed set that every target implements.
const (
	Const     Op = iota // Bits, rounded once from the exact constant
	AxisVar             // Axis: int64
	DimVar              // Dim: int64, a polynomial over the kernel's dims
	Counter             // Name: int64, an enclosing For's counter
	ScalarArg           // Scalar: a host scalar
	ResultOf            // Result of an earlier phase (or a carry's current value)
	NextOf              // in a Sequence's stores: the value of a carry after this index
	Load                // Param at Index; when Guard is set and false, Args[0] instead and nothing is read

	Add
	Sub
	Mul
	Div // floats: IEEE; integers: truncated, by zero gives 0
	Mod // integers only: remainder of FloorDiv
	FloorDiv
	Neg
	Abs
	FMA // Args: a*b + c rounded once; floats only
	Sqrt
	Floor
	Round // to nearest even
	Min   // a < b ? a : b
	Max   // a > b ? a : b
	Lt
	Le
	Eq
	Ne
	And // bool, or bits of integers
	Or
	Xor
	Not
	Shl     // unsigned shift count, below the width
	Shr     // logical for uint32, arithmetic for signed
	MulHi   // uint32: high half of the product
	Select  // Args[0] ? Args[1] : Args[2]; both sides may be evaluated, but guarded loads stay guarded
	Cast    // to Type: float to int truncates, saturates, NaN gives 0; int64 to float rounds once
	Bitcast // float32 <-> uint32/int32
	CallFn  // Fn: a named function of the table in fn.go, expanded by targets that must
)

// Expr is a scalar expression. Expressions are shared: a pointer that occurs
// twice is computed once. They are immutable after construction.
type Expr struct {
	Op     Op
	Type   dim.DType
	Args   []*Expr
	Bits   uint64 // of Const: IEEE bits in Type's width, or the integer's two's complement
	Axis   *Axis
	Dim    dim.Dim
	Name   string
	Scalar *ScalarParam
	Result *Result
	Carry  *Carry
	Param  *Param
	Index  []*Expr // of Load, one for each logical axis of Param
	Guard  *Expr   // of Load
	Fn     *Fn
}

// Fn is a scalar function defined over the operations above, such as exp, so
// that every target computes the same bits.
type Fn struct {
	Name   string // "exp"
	Doc    string // formula, range reduction, largest error in ulp
	Params []dim.DType
	Result dim.DType
	Body   func(args []*Expr) *Expr // builds the expansion
}

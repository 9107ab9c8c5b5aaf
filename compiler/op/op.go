// Package op holds the primitive operations of the tensor IR, one file each: the
// type rule, the gradient in terms of other operations, the lowering to loop
// expressions, and a naive evaluation in float64.
//
// Everything else of the language is written in .ml files over these. An
// operation knows nothing of passes or targets; its evaluation never calls its
// lowering, since an oracle that reuses what it checks shares its bugs.
package op

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Differentiable is implemented by operations with a gradient.
type Differentiable interface {
	ir.Op
	// Grad returns the adjoint of each argument, nil for one that has none. dy
	// holds the adjoint of each result, nil where it is zero.
	Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value
}

// Evaluable is implemented by every operation that survives pass grad.
type Evaluable interface {
	ir.Op
	Eval(c *EvalContext, in []ir.Dense) []ir.Dense
}

// Pruning is implemented by regions that can do without some of their results.
type Pruning interface {
	ir.Op
	// Prune changes i, which applies this operation, so that it no longer
	// computes results that are not used. Result values that stay keep their
	// identity.
	Prune(i *ir.Instr, used func(*ir.Value) bool)
}

// EvalContext is what an evaluation may need beside its arguments.
type EvalContext struct {
	Out     []ir.Type // the results' types with constant dimensions
	Dims    map[string]int64
	Step    int64
	Inputs  map[string]float64 // run-time settings of host scalars
	Seed    uint64
	Counter int64 // of the enclosing scan
	// Run evaluates a region's body.
	Run func(f *ir.Func, args []ir.Dense, counter int64) ([]ir.Dense, error)
}

// Shape returns the concrete shape of result i.
func (c *EvalContext) Shape(i int) []int { return ConcreteShape(c.Out[i].Shape, nil) }

// Result returns a zero tensor of result i's type.
func (c *EvalContext) Result(i int) ir.Dense { return ir.NewDense(c.Out[i].DType, c.Shape(i)...) }

// Size returns the value of a dimension; an unbound symbol is a bug of the caller.
func (c *EvalContext) Size(d dim.Dim) int { return ConcreteShape([]dim.Dim{d}, c.Dims)[0] }

// ConcreteShape evaluates dimensions, which must be bound by dims.
func ConcreteShape(shape []dim.Dim, dims map[string]int64) []int {
	out := make([]int, len(shape))
	for i, d := range shape {
		n, err := d.Eval(dims)
		if err != nil {
			panic(fmt.Sprintf("op: shape %v: %v", shape, err))
		}
		out[i] = int(n)
	}
	return out
}

// Source reads an operand at a point: one int64 index expression for each axis.
type Source func(idx []*loop.Expr) *loop.Expr

// Context is what lowering gives to an operation.
type Context struct {
	B       *loop.Builder
	In, Out []ir.Type
	Path    string // label path, for random draws
	// Scalar passes a host scalar to the kernel.
	Scalar func(e *scalar.Expr, t dim.DType) *loop.Expr
	// Word passes one of the exact words "seed0", "seed1" and "step" as uint32.
	Word func(name string) *loop.Expr
	// Iteration is the counter of the enclosing scan as uint32, or constant 0.
	Iteration func() *loop.Expr
}

// An operation that is lowered implements one of the following interfaces.
type (
	// Pointwise gives the value of each result at a point.
	Pointwise interface {
		ir.Op
		At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr
	}
	// Reducing combines values over axes of its own at each output point.
	Reducing interface {
		ir.Op
		Reduce(c *Context, in []Source, out []*loop.Expr) ReduceSpec
	}
	// Contracting sums products over axes of its own at each output point.
	Contracting interface {
		ir.Op
		Contract(c *Context, in []Source, out []*loop.Expr) ContractSpec
	}
	// Sequencing carries values along one axis of its results.
	Sequencing interface {
		ir.Op
		// SequenceAxis is the axis of the results that the sequence runs along.
		SequenceAxis() int
		// Sequence gives the carry and the result at each index; out has the
		// sequence's axis variable at SequenceAxis.
		Sequence(c *Context, in []Source, out []*loop.Expr) SequenceSpec
	}
	// Kernels builds a whole kernel: its parameters are the arguments, then the
	// results, in order.
	Kernels interface {
		ir.Op
		LowerKernel(c *Context) *loop.Kernel
	}
)

// ReduceSpec is a reduction at one output point. Value gives the values to
// combine at a point of Axes, one for each of Ops; result i is Ops[i]'s.
type ReduceSpec struct {
	Axes  []*loop.Axis
	Order loop.ReduceOrder
	Ops   []loop.Combiner
	Value func(red []*loop.Expr) []*loop.Expr
}

// ContractSpec is a contraction at one output point.
type ContractSpec struct {
	Axes []*loop.Axis
	A, B func(k []*loop.Expr) *loop.Expr
}

// SequenceSpec is a carried value: it starts as Init; at each index it becomes
// Next of its old value, and the result there is Value of the new one.
type SequenceSpec struct {
	Reverse bool
	Init    *loop.Expr
	Next    func(old *loop.Expr) *loop.Expr
}

// errf is fmt.Errorf, short because every type rule uses it.
func errf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// arity checks the number of arguments.
func arity(in []ir.Type, n int) error {
	if len(in) != n {
		return errf("takes %d arguments, have %d", n, len(in))
	}
	return nil
}

// axisIn checks that axis is one of a shape's.
func axisIn(axis int, t ir.Type) error {
	if axis < 0 || axis >= len(t.Shape) {
		return errf("axis %d is not one of the %d axes of %s", axis, len(t.Shape), TypeString(t))
	}
	return nil
}

// TypeString prints a type as messages do: "float32[batch, 784]".
func TypeString(t ir.Type) string { return t.DType.String() + ShapeString(t.Shape) }

// ShapeString prints a shape as messages do: "[batch, 784]".
func ShapeString(shape []dim.Dim) string {
	s := "["
	for i, d := range shape {
		if i > 0 {
			s += ", "
		}
		s += d.String()
	}
	return s + "]"
}

package op

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// StopGradient is its argument with no gradient.
type StopGradient struct{}

// Name returns "stop_gradient".
func (StopGradient) Name() string { return "stop_gradient" }

// Infer keeps the type.
func (StopGradient) Infer(in []ir.Type) ([]ir.Type, error) { return in, arity(in, 1) }

// Grad is none.
func (StopGradient) Grad(*ir.Builder, *ir.Instr, []*ir.Value) []*ir.Value { return []*ir.Value{nil} }

// At reads the operand.
func (StopGradient) At(_ *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	return []*loop.Expr{in[0](idx)}
}

// Eval copies the operand.
func (StopGradient) Eval(_ *EvalContext, in []ir.Dense) []ir.Dense { return in }

// Gradient stands for the gradients of its first argument, a float of rank 0,
// by the others. Pass grad replaces it by adjoints.
type Gradient struct{}

// Name returns "gradient".
func (Gradient) Name() string { return "gradient" }

// Infer gives every gradient the type of what it is taken by.
func (Gradient) Infer(in []ir.Type) ([]ir.Type, error) {
	if len(in) < 2 {
		return nil, errf("takes a loss and at least one tensor to differentiate by, have %d arguments", len(in))
	}
	if len(in[0].Shape) != 0 || !in[0].DType.IsFloat() {
		return nil, errf("the loss must be a float of rank 0, have %s", TypeString(in[0]))
	}
	for _, t := range in[1:] {
		if !t.DType.IsFloat() {
			return nil, errf("no gradient by %s", TypeString(t))
		}
	}
	return in[1:], nil
}

package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Transpose permutes axes: axis i of the result is axis Perm[i] of the operand.
//
//	dx = transpose(dy, inverse of Perm)
type Transpose struct{ Perm []int }

// Name returns "transpose".
func (Transpose) Name() string { return "transpose" }

// Infer requires Perm to be a permutation of the operand's axes.
func (t Transpose) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if len(t.Perm) != len(in[0].Shape) {
		return nil, errf("permutation %v has %d axes, %s has %d", t.Perm, len(t.Perm), ShapeString(in[0].Shape), len(in[0].Shape))
	}
	shape := make([]dim.Dim, len(t.Perm))
	seen := make([]bool, len(t.Perm))
	for i, a := range t.Perm {
		if err := axisIn(a, in[0]); err != nil {
			return nil, err
		}
		if seen[a] {
			return nil, errf("permutation %v names axis %d twice", t.Perm, a)
		}
		seen[a], shape[i] = true, in[0].Shape[a]
	}
	return []ir.Type{{DType: in[0].DType, Shape: shape}}, nil
}

// Inverse returns the permutation that undoes Perm.
func (t Transpose) Inverse() []int {
	inv := make([]int, len(t.Perm))
	for i, a := range t.Perm {
		inv[a] = i
	}
	return inv
}

// Grad transposes back.
func (t Transpose) Grad(b *ir.Builder, _ *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{Permute(b, dy[0], t.Inverse()...)}
}

// At reads the operand with the indices permuted.
func (t Transpose) At(_ *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	from := make([]*loop.Expr, len(idx))
	for i, a := range t.Perm {
		from[a] = idx[i]
	}
	return []*loop.Expr{in[0](from)}
}

// Eval moves every element.
func (t Transpose) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	from := make([]int, len(t.Perm))
	ir.Each(out.Shape, func(idx []int) {
		for i, a := range t.Perm {
			from[a] = idx[i]
		}
		out.Set(in[0].At(from...), idx...)
	})
	return []ir.Dense{out}
}

// Permute emits a transpose, unless perm is the identity.
func Permute(b *ir.Builder, x *ir.Value, perm ...int) *ir.Value {
	if slices.IsSorted(perm) && len(perm) == len(x.Type.Shape) {
		return x
	}
	return b.Emit1(Transpose{slices.Clone(perm)}, x)
}

package pass

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// simplifyFold turns the sum over windows that do not overlap, such as those of
// a pooling's gradient, into a change of order: every element has one window.
// The sum starts from zero, which makes a negative zero positive; so does the
// addition of zero here.
func simplifyFold(b *ir.Builder, i *ir.Instr, f op.Fold) *ir.Value {
	x, rank := i.Args[0], len(f.Kernel)
	zero := func(v int) bool { return v == 0 }
	one := func(v int) bool { return v == 1 }
	if !x.Type.DType.IsFloat() || !slices.Equal(f.Kernel, f.Stride) || !all(f.Low, zero) || !all(f.High, zero) || !all(f.Dilation, one) {
		return nil
	}
	lead := len(x.Type.Shape) - 2*rank
	perm := make([]int, lead, len(x.Type.Shape))
	shape := slices.Clone(x.Type.Shape[:lead])
	high := make([]dim.Dim, lead+rank)
	for a := range lead {
		perm[a] = a
	}
	padded := false
	for a := range rank {
		perm = append(perm, lead+a, lead+rank+a)
		covered := x.Type.Shape[lead+a].Mul(dim.Const(int64(f.Kernel[a])))
		shape = append(shape, covered)
		high[lead+a] = f.Size[a].Sub(covered)
		padded = padded || !high[lead+a].Is(0)
	}
	v := op.ReshapeTo(b, op.Permute(b, x, perm...), shape)
	if padded {
		v = b.Emit1(op.Pad{Low: make([]dim.Dim, lead+rank), High: high, Mode: "constant"}, v)
	}
	return op.Apply(b, "add", v, op.Full(b, v.Type, 0))
}

func all(list []int, ok func(int) bool) bool {
	return !slices.ContainsFunc(list, func(v int) bool { return !ok(v) })
}

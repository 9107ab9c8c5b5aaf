package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Conv is the cross-correlation of x [N, C, spatial...] with w [O, C/Groups,
// kernel...], in one to three spatial axes:
//
//	y[n, o, p] = Σ over kernel taps k and channels c of x[n, g C/Groups + c, p Stride + k Dilation - Low] w[o, c, k]
//
// where g is the group of o. The sum runs over the taps, row-major, and the
// channels last; taps in the padding contribute zero.
//
//	dx = conv_input_grad(dy, w), dw = conv_weight_grad(x, dy)
type Conv struct {
	Stride, Low, High, Dilation []int
	Groups                      int
}

// Name returns "conv".
func (Conv) Name() string { return "conv" }

func (v Conv) window(kernel []int) window {
	return window{kernel, v.Stride, v.Low, v.High, v.Dilation}
}

// Infer requires matching channels and a kernel that fits.
func (v Conv) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if err := v.operands(x, w, "input", "weight"); err != nil {
		return nil, err
	}
	kernel, ok := constInts(w.Shape[2:])
	if !ok {
		return nil, errf("the kernel of %s must have constant extents", ShapeString(w.Shape))
	}
	win := v.window(kernel)
	if err := win.check(len(kernel)); err != nil {
		return nil, err
	}
	g := dim.Const(int64(v.Groups))
	if !x.Shape[1].Equal(w.Shape[1].Mul(g)) {
		return nil, errf("the input has %s channels, the weight %s takes %s in %d groups of %s",
			x.Shape[1], ShapeString(w.Shape), w.Shape[1].Mul(g), v.Groups, w.Shape[1])
	}
	if err := v.divides(w.Shape[0]); err != nil {
		return nil, err
	}
	sp, err := win.outputs(x.Shape[2:])
	if err != nil {
		return nil, err
	}
	return []ir.Type{{DType: x.DType, Shape: slices.Concat([]dim.Dim{x.Shape[0], w.Shape[0]}, sp)}}, nil
}

// operands checks what the three operations of the family ask of both tensors.
func (v Conv) operands(x, y ir.Type, nameX, nameY string) error {
	switch {
	case len(x.Shape) < 3 || len(x.Shape) > 5:
		return errf("the %s is %s, want batch, channels and one to three spatial axes", nameX, ShapeString(x.Shape))
	case len(y.Shape) != len(x.Shape):
		return errf("the %s %s and the %s %s differ in rank", nameX, ShapeString(x.Shape), nameY, ShapeString(y.Shape))
	case x.DType != y.DType:
		return errf("element types %s and %s differ; cast one of them", x.DType, y.DType)
	case !x.DType.IsFloat():
		return errf("convolution works on floats, have %s; cast first", x.DType)
	case v.Groups < 1:
		return errf("%d groups", v.Groups)
	}
	return nil
}

// divides requires the groups to divide the number of output channels.
func (v Conv) divides(channels dim.Dim) error {
	if _, ok := channels.Div(dim.Const(int64(v.Groups))); !ok {
		return errf("%s output channels do not divide into %d groups", channels, v.Groups)
	}
	return nil
}

// Grad is described at the type.
func (v Conv) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 2)
	}
	x, w := i.Args[0], i.Args[1]
	kernel, _ := constInts(w.Type.Shape[2:])
	return []*ir.Value{
		b.Emit1(ConvInputGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, x.Type.Shape[2:]}, dy[0], w),
		b.Emit1(ConvWeightGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, kernel}, x, dy[0]),
	}
}

var tapNames = []string{"k0", "k1", "k2"}

// group is the group that an output channel belongs to.
func (v Conv) group(b *loop.Builder, o *loop.Expr, channels dim.Dim) *loop.Expr {
	if v.Groups == 1 {
		return b.Int(0)
	}
	per, _ := channels.Div(dim.Const(int64(v.Groups)))
	return b.Bin(loop.FloorDiv, o, b.Dim(per))
}

// Contract sums over taps, then channels of the group.
func (v Conv) Contract(c *Context, in []Source, out []*loop.Expr) ContractSpec {
	b, x, w := c.B, c.In[0].Shape, c.In[1].Shape
	kernel, _ := constInts(w[2:])
	win, rank := v.window(kernel), len(kernel)
	ax, _ := axes(b, append(slices.Clone(tapNames[:rank]), "c"), append(slices.Clone(w[2:]), w[1]))
	g := v.group(b, out[1], w[0])
	return ContractSpec{
		Axes: ax,
		A: func(k []*loop.Expr) *loop.Expr {
			at := []*loop.Expr{out[0], b.Add(b.Mul(g, b.Dim(w[1])), k[rank])}
			inside := b.Bool(true)
			for a := range rank {
				p, ok := win.inputAt(b, a, out[2+a], k[a], x[2+a])
				at, inside = append(at, p), b.And(inside, ok)
			}
			return Guarded(b, inside, in[0](at), b.Number(c.In[0].DType, 0))
		},
		B: func(k []*loop.Expr) *loop.Expr {
			return in[1](slices.Concat([]*loop.Expr{out[1], k[rank]}, k[:rank]))
		},
	}
}

// convEach calls fn for every product of a convolution: positions in x, w and y.
func (v Conv) convEach(x, w, y []int, fn func(x, w, y []int)) {
	rank := len(x) - 2
	win := v.window(w[2:])
	perGroup := w[0] / v.Groups
	ir.Each(slices.Concat(y, w[2:], w[1:2]), func(idx []int) {
		p := split(idx, 2, rank, rank, 1)
		n, o, sp, k, ch := p[0][0], p[0][1], p[1], p[2], p[3][0]
		at, ok := win.read(sp, k, x[2:])
		if !ok {
			return
		}
		fn(append([]int{n, o/perGroup*w[1] + ch}, at...), append([]int{o, ch}, k...), append([]int{n, o}, sp...))
	})
}

// Eval adds every product.
func (v Conv) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	v.convEach(in[0].Shape, in[1].Shape, out.Shape, func(x, w, y []int) {
		out.Data[out.Offset(y)] += in[0].At(x...) * in[1].At(w...)
	})
	return []ir.Dense{out}
}
